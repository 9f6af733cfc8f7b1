/*
 * Runs in the browser: copies the ID of a new run from the response of Create into the variables of each tab that is
 * opened afterwards, because most runs end before a user has copied the ID. Variables that the user edits stay unchanged
 * until the next run is created.
 */
let newest
let toCarry
monaco.editor.onDidCreateModel((model) => {
  if (model.uri.path.endsWith('response.json')) {
    model.onDidChangeContent(() => {
      const [, id] =
        /"createReportRun": {\s*"reportRun": {[^}]*"id": "(frr_\w+)"/.exec(model.getValue()) ?? []
      if (id && id !== newest) newest = toCarry = id
    })
  }
  if (model.uri.path.endsWith('variables.json')) {
    model.onDidChangeContent(({ isFlush: isTabOpened }) => {
      if (!isTabOpened) toCarry = undefined
      if (!toCarry) return
      const before = model.getValue()
      const after = before.replace(/"frr_[^"]*"/, JSON.stringify(toCarry))
      if (after !== before) model.setValue(after)
    })
  }
})

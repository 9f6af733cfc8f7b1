/*
 * Runs in the browser: carries the id of a new run from the answer of Create into the variables of each tab that is
 * opened afterwards. Most runs end before a person has copied an id. What the user writes there stays until the next
 * run is created.
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

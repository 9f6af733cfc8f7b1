/*
 * Runs in the browser: wraps long lines, so that comments are whole in a narrow window and beside the documentation.
 * GraphiQL has created its editors before, and wraps only the lines of the response.
 */
for (const editor of monaco.editor.getEditors()) editor.updateOptions({ wordWrap: 'on' })
monaco.editor.onDidCreateEditor((editor) => queueMicrotask(() => editor.updateOptions({ wordWrap: 'on' })))

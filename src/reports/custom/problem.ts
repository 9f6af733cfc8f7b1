import { ConfigurationError } from '../../errors.ts'

/** A mistake in a report file; the first line is 1. */
export type Problem = { line: number; message: string }

/** Returns the line of the header's part at `path`, or of its closest existing parent. */
export type LineOf = (path: readonly PropertyKey[]) => number

/** A report file with mistakes. The message has a line `FILE:LINE: …` for each mistake. */
export class ReportFileError extends ConfigurationError {
  constructor(file: string, problems: readonly Problem[]) {
    const inOrder = problems.toSorted((a, b) => a.line - b.line)
    super(inOrder.map(({ line, message }) => `${file}:${line}: ${message}`).join('\n'))
  }
}

/** The line of the character at `index`; the first line is 1. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

import { ConfigurationError } from '../../errors.ts'

/** What is wrong in a file of reports, and in which of its lines, from 1. */
export type Problem = { line: number; message: string }

/** The line of the file in which the part of the header at `path` is. */
export type LineOf = (path: readonly PropertyKey[]) => number

/** A file of reports that cannot be used. The message has a line `FILE:LINE: …` for each of its mistakes. */
export class ReportFileError extends ConfigurationError {
  constructor(file: string, problems: readonly Problem[]) {
    const inOrder = problems.toSorted((a, b) => a.line - b.line)
    super(inOrder.map(({ line, message }) => `${file}:${line}: ${message}`).join('\n'))
  }
}

/** In which line of a text the character at `index` stands, from 1. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

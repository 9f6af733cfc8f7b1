/** How a CSV file separates its cells and lines. */
export type CsvFormat = {
  delimiter: string
  newline: '\n' | '\r\n'
  /** Where the header starts in the text: after the line `sep=;` that Excel reads and writes, or at 0. */
  start: number
}

const delimiters = [',', ';', '\t', '|']

/** Recognizes the format of a CSV file by its first line, which names the separator or is the header. */
export function detectFormat(text: string): CsvFormat {
  const newline = /^[^\n]*\r(\n|$)/.test(text) ? '\r\n' : '\n'
  const named = /^"?sep=(.)"?\r?(\n|$)/i.exec(text)
  if (named?.[1]) return { delimiter: named[1], newline, start: named[0].length }
  // Excel names columns without separators, so quoted names are the only ones that can contain one.
  const header = /^\s*([^\n]*)/.exec(text)?.[1]?.replace(/"[^"]*"/g, '') ?? ''
  const frequency = (delimiter: string) => header.split(delimiter).length
  const [delimiter = ','] = delimiters.toSorted((a, b) => frequency(b) - frequency(a))
  return { delimiter, newline, start: 0 }
}

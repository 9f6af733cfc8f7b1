import { openContent } from './content.ts'
import { NoRowError, type Row, type RowReader } from './row-reader.ts'

const newline = 0x0a

/** Lines of a text, without what ends them. */
async function* splitLines(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = []
  for await (let chunk of content) {
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline)) {
      yield Buffer.concat([...pieces, chunk.subarray(0, at)])
      pieces = []
      chunk = chunk.subarray(at + 1)
    }
    if (chunk.length > 0) pieces.push(chunk)
  }
  if (pieces.length > 0) yield Buffer.concat(pieces)
}

/** Numbers as they are written: as numbers of JavaScript, long ones would lose digits. */
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? (context?.source ?? String(value)) : value
}

function valueText(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function parseRow(line: Buffer): Row {
  try {
    const parsed: unknown = JSON.parse(line.toString(), keepDigits)
    if (typeof parsed === 'object' && parsed !== null) return Object.values(parsed).map(valueText)
    throw new SyntaxError('The line is no object.')
  } catch (cause) {
    throw new NoRowError('It is no JSON from here on.', { cause })
  }
}

/** Reads rows of JSON Lines: an object on each, whose values are in the order of the columns. */
export const readJsonlRows: RowReader = async (source, place, count) => {
  const content = await openContent(source, place.offset)
  if (!content) return null
  const rows: Row[] = []
  const end = { ...place }
  for await (const line of splitLines(content)) {
    rows.push(parseRow(line))
    end.row += 1
    end.offset += line.length + 1
    if (rows.length === count) break
  }
  return { rows, end }
}

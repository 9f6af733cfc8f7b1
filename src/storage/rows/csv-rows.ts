import { pipeline } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { openContent } from './content.ts'
import { NoRowError, type Row, type RowReader } from './row-reader.ts'

/** What the parser gives for each record. */
type CsvRecord = {
  record: Row
  info: {
    /** Bytes from where it began to the end of the record. */
    bytes: number
  }
}

function createParser() {
  return parse({
    delimiter: ',',
    record_delimiter: '\n',
    info: true,
    // An empty field is null without quotes, and empty text with them.
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
  })
}

/** Reads rows of CSV with a header. */
export const readCsvRows: RowReader = async (source, place, count) => {
  const content = await openContent(source, place.offset)
  if (!content) return null
  const parser = pipeline(content, createParser(), () => {})
  const rows: Row[] = []
  const end = { ...place }
  let isHeader = place.offset === 0
  try {
    for await (const entry of parser) {
      const { record, info }: CsvRecord = entry
      if (!isHeader) {
        rows.push(record)
        end.row += 1
        end.offset = place.offset + info.bytes
      }
      isHeader = false
      if (rows.length === count) break
    }
  } catch (error) {
    throw error instanceof CsvError ? new NoRowError('It is no CSV from here on.', { cause: error }) : error
  }
  return { rows, end }
}

import { BadExport } from './import-errors.ts'

/** Number of bytes at the beginning of a file that show what it is. */
export const signatureBytes = 512

const exportAsCsv = 'export it from Stripe as CSV, and import that file without saving it in another program'
const unpack = 'unpack it, and import the CSV files in it'

/** A type of file by its first characters as Latin-1, and one of some texts soon after them. */
type FileType = { name: string; start: string; marks?: readonly string[]; advice: string }

/** Types of files that people import by mistake. The first match counts. */
const fileTypes: readonly FileType[] = [
  { name: 'a Numbers document', start: 'PK', marks: ['Index/', '.iwa'], advice: exportAsCsv },
  {
    name: 'an Excel workbook (.xlsx)',
    start: 'PK',
    marks: ['[Content_Types]', '_rels/', 'xl/', 'docProps/'],
    advice: exportAsCsv,
  },
  {
    name: 'an OpenDocument spreadsheet',
    start: 'PK',
    marks: ['vnd.oasis.opendocument'],
    advice: exportAsCsv,
  },
  { name: 'a ZIP archive', start: 'PK\x03\x04', advice: unpack },
  { name: 'an empty ZIP archive', start: 'PK\x05\x06', advice: unpack },
  { name: 'an old Excel workbook (.xls)', start: '\xd0\xcf\x11\xe0', advice: exportAsCsv },
  { name: 'a PDF document', start: '%PDF', advice: exportAsCsv },
  { name: 'a rich text document', start: '{\\rtf', advice: exportAsCsv },
  { name: 'a Parquet file', start: 'PAR1', advice: exportAsCsv },
  { name: 'a SQLite database', start: 'SQLite format 3', advice: exportAsCsv },
  { name: 'compressed with bzip2', start: 'BZh', advice: unpack },
  { name: 'compressed with xz', start: '\xfd7zXZ', advice: unpack },
  { name: 'compressed with Zstandard', start: '\x28\xb5\x2f\xfd', advice: unpack },
  { name: 'a 7z archive', start: '7z\xbc\xaf', advice: unpack },
  { name: 'a tar archive', start: '', marks: ['\0ustar'], advice: unpack },
]

/** Languages of text that is not CSV. */
const textTypes = [
  { name: 'JSON', pattern: /^\s*(\{\s*["}]|\[\s*[[{"\]])/, advice: exportAsCsv },
  { name: 'a web page or XML', pattern: /^\s*<[!?a-z]/i, advice: exportAsCsv },
]

/**
 * Returns the encoding of a text file: UTF-8, or UTF-16 when the file begins with its byte order mark.
 *
 * @param beginning the first bytes of the file
 * @throws BadExport when the bytes are those of another type of file
 */
export function encodingOf(beginning: Buffer): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const bytes = beginning.toString('latin1')
  const text = beginning.toString('utf8').replace('\ufeff', '')
  const type =
    fileTypes.find(
      ({ start, marks = [''] }) => bytes.startsWith(start) && marks.some((mark) => bytes.includes(mark)),
    ) ?? textTypes.find(({ pattern }) => pattern.test(text))
  if (type) {
    throw new BadExport(
      `it is ${type.name}, but this command reads CSV, plain or compressed with gzip: ${type.advice}`,
    )
  }
  if (bytes.startsWith('\xff\xfe')) return 'utf-16le'
  if (bytes.startsWith('\xfe\xff')) return 'utf-16be'
  // Latin letters in UTF-16 have a zero in every second byte.
  if (bytes[0] === '\0' || bytes[1] === '\0') {
    throw new BadExport('it is UTF-16 text without a byte order mark, or no text: save it as CSV in UTF-8')
  }
  return 'utf-8'
}

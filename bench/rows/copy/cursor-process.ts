// Writes a CSV file as programs often do: rows by a cursor, and CSV in JavaScript. Arguments: DATABASE_URL, SQL, FILE.
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import pg from 'pg'

const [connectionString = '', sql = '', file = ''] = process.argv.slice(2)
const batch = 10_000

const client = new pg.Client({ connectionString, options: '-c search_path=report_gateway' })
await client.connect()
await client.query('begin')
await client.query(`declare rows no scroll cursor for ${sql}`)
const out = createWriteStream(file)
let isFirst = true
while (true) {
  const { rows, fields } = await client.query<Record<string, unknown>>(`fetch ${batch} from rows`)
  if (isFirst) out.write(`${fields.map(({ name }) => cell(name)).join()}\n`)
  isFirst = false
  if (rows.length === 0) break
  const text = rows.map((row) => `${Object.values(row).map(cell).join()}\n`).join('')
  if (!out.write(text)) await once(out, 'drain')
}
out.end()
await finished(out)
await client.end()

function cell(value: unknown): string {
  if (value === null) return ''
  const text = value instanceof Date ? value.toISOString() : String(value)
  return `"${text.replaceAll('"', '""')}"`
}

// Inserts the first rows of a CSV file into balance_transactions, one statement for each, as simple tools do. Arguments:
// DATABASE_URL, FILE, ROWS.
import { createReadStream } from 'node:fs'
import { parse } from 'csv-parse'
import pg from 'pg'

const [connectionString = '', file = '', rows = ''] = process.argv.slice(2)

const client = new pg.Client({ connectionString, options: '-c search_path=report_gateway' })
await client.connect()
await client.query('begin')
const lines = createReadStream(file).pipe(parse({ to: Number(rows) }))
for await (const line of lines) {
  // csv-parse gives arrays of strings. COPY writes a null as an empty field.
  const values = (line as string[]).map((value) => (value === '' ? null : value))
  const places = values.map((_, i) => `$${i + 1}`).join(', ')
  await client.query({ name: 'insert', text: `insert into balance_transactions values (${places})`, values })
}
await client.query('commit')
await client.end()

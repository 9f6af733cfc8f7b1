// Writes a Parquet file of a query. Arguments: DATABASE_URL, SQL, a CSV file of the same rows, the file to write. DuckDB reads
// Postgres only with an extension that it downloads; without it, it reads the CSV file, and this script says so.
import { DuckDBInstance } from '@duckdb/node-api'

const [url, sql, csv, file] = process.argv.slice(2)
const connection = await (await DuckDBInstance.create()).connect()
let source = `read_csv('${csv}', header = true)`
try {
  await connection.run('install postgres')
  await connection.run('load postgres')
  await connection.run(`attach '${url}' as ledger (type postgres, read_only)`)
  source = `postgres_query('ledger', '${sql.replaceAll("'", "''").replaceAll('from ', 'from report_gateway.')}')`
} catch {
  process.stdout.write('without the extension\n')
}
const startedAt = performance.now()
await connection.run(`copy (select * from ${source}) to '${file}' (format parquet, compression zstd)`)
const rows = (await connection.runAndReadAll(`select count(*) from '${file}'`)).getRows()
process.stdout.write(
  `${JSON.stringify({ seconds: (performance.now() - startedAt) / 1000, rows: Number(rows[0][0]) })}\n`,
)

// Creates the example's table in the gateway's database: node examples/custom-report/load-shop.ts
import { readFile } from 'node:fs/promises'
import { loadConfig } from '../../src/config/config.ts'
import { createConnection } from '../../src/postgres/client.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { openDatabase } from '../../src/postgres/open-database.ts'
import { ensureReader } from '../../src/reports/custom/login.ts'

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

const database = await openDatabase(loadConfig(process.env), print, new AbortController().signal)
try {
  await migrate(database.url)
  // The login that shop.sql grants the table to. A gateway with REPORTS_DIR creates it too.
  await ensureReader(database.url)
  const connection = createConnection(database.url, 'report-gateway example')
  await connection.connect()
  try {
    await connection.query(await readFile(new URL('shop.sql', import.meta.url), 'utf8'))
  } finally {
    await connection.end()
  }
  print('Created the table shop.orders.')
} finally {
  await database.close()
}

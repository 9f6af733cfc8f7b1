import { expect, test } from 'vitest'
import { readLedgerTables } from '../../../docs/generate/ledger-tables.ts'
import { createTestDatabase } from '../../support/database.ts'

test('the page of the ledger tables has the columns of the database', async () => {
  await using database = await createTestDatabase()
  const tables = readLedgerTables()
  const documented = tables.flatMap(({ name: table, columns }) =>
    columns.map(({ name, type, isNullable }) => `${table}.${name} ${type}${isNullable ? '' : ' not null'}`),
  )
  const actual = await database.query<{ column: string }>(
    `select table_name || '.' || column_name || ' ' ||
       case data_type when 'timestamp with time zone' then 'timestamptz' else data_type end ||
       case is_nullable when 'NO' then ' not null' else '' end as column
     from information_schema.columns where table_schema = current_schema and table_name = any ($1)`,
    [tables.map(({ name }) => name)],
  )
  expect(documented.toSorted()).toEqual(actual.map(({ column }) => column).toSorted())
})

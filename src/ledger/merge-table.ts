import pg from 'pg'
import type { Tenant } from '../tenant.ts'
import { copyText, encodeRows } from './copy.ts'
import { type FieldMerge, type FieldMergeOptions, fieldMerges } from './field-merge.ts'
import { type LedgerRow, type LedgerTable, type LedgerValue, ledgerTables } from './rows.ts'

/** A row of an object with an id. */
export type ObjectRow = LedgerRow & { readonly id: string }

type Column = { field: string; name: string; merge: FieldMerge }

/**
 * Collects rows and merges them into one table.
 *
 * @param options `check` is called with each row that has the id of a collected one, and throws when they contradict
 *   each other
 */
export function createTableMerge(
  table: LedgerTable,
  options: FieldMergeOptions & { check?: (known: ObjectRow, row: ObjectRow) => void },
) {
  const mergeOf = fieldMerges(table, options)
  const columns = Object.entries(ledgerTables[table]).map(
    ([field, name]): Column => ({ field, name, merge: mergeOf(field) }),
  )
  let rows = new Map<string, ObjectRow>()
  return {
    /** Collects rows until the next `take`. Rows with the same id are combined. */
    add: (added: readonly ObjectRow[]) => {
      for (const row of added) {
        const known = rows.get(row.id)
        if (!known) rows.set(row.id, row)
        else if (addsValues(known, row)) {
          options.check?.(known, row)
          rows.set(row.id, mergeRow(known, row, columns))
        }
      }
    },
    /** Creates the temporary table for the rows. It is dropped at the end of the transaction. */
    open: async (client: pg.ClientBase) => {
      await client.query(
        `create temporary table if not exists merging_${table} on commit drop as
         select ${columns.map(({ name }) => name).join(', ')} from ${table} limit 0`,
      )
    },
    /** Removes and encodes the collected rows; null when there are none. */
    take: (tenant: Tenant) => {
      if (rows.size === 0) return null
      const taken = [...rows.values()]
      rows = new Map()
      // An export fills few columns, and an empty column would cost as much as a filled one.
      const filled = columns.filter(({ field }) => taken.some((row) => !isMissing(row[field])))
      const names = filled.map(({ name }) => name)
      const fields = filled.map(({ field }) => field)
      // In one buffer: each further buffer would wait until this process has time to write it.
      const text = [Buffer.concat([...encodeRows(taken, fields)])]
      return {
        table,
        rowCount: taken.length,
        /** Copies the rows into the temporary table. */
        copy: (client: pg.ClientBase) => copyText(client, tenant.accountId, `merging_${table}`, names, text),
        /** A statement that adds the rows of the temporary table whose ids are new. */
        addNew: addStatement(table, tenant, filled),
        /** The statement that merges the temporary table into the table, and the one that empties it. */
        merge: mergeStatement(table, tenant, filled),
        clear: `truncate merging_${table}`,
      }
    },
  }
}

function isMissing(value: LedgerValue): value is null | undefined {
  return value === null || value === undefined
}

/** Returns true when a row adds something. Called often: each swept row repeats its payout. */
function addsValues(known: LedgerRow, row: LedgerRow): boolean {
  for (const field in row) {
    const value = row[field]
    if (!isMissing(value) && value !== known[field]) return true
  }
  return false
}

/** Merges two rows with the same id by the rules of the SQL merge. */
function mergeRow(known: ObjectRow, row: ObjectRow, columns: readonly Column[]): ObjectRow {
  const fields = columns.map(({ field, merge }) => [field, merge.value(known[field], row[field])])
  return { ...Object.fromEntries(fields), id: known.id }
}

function mergedValue({ name, merge }: Column): string {
  return merge.sql(`known.${name}`, `excluded.${name}`)
}

function addStatement(
  table: LedgerTable,
  { accountId, livemode }: Tenant,
  columns: readonly Column[],
  onConflict = 'nothing',
) {
  const names = columns.map(({ name }) => name).join(', ')
  return `
    insert into ${table} as known (account_id, livemode, ${names})
    select ${pg.escapeLiteral(accountId)}, ${livemode}, ${names} from merging_${table}
    on conflict (account_id, livemode, id) do ${onConflict}`
}

/** Skips existing rows that do not change: otherwise the table would grow with every load. */
function mergeStatement(table: LedgerTable, tenant: Tenant, columns: readonly Column[]) {
  const others = columns.filter(({ name }) => name !== 'id')
  const values = others.map(mergedValue).join(', ')
  const update = `
    update set (${others.map(({ name }) => name).join(', ')}) = row (${values})
    where (${others.map(({ name }) => `known.${name}`).join(', ')}) is distinct from (${values})`
  return addStatement(table, tenant, columns, others.length === 0 ? 'nothing' : update)
}

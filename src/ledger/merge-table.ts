import pg from 'pg'
import type { Tenant } from '../tenant.ts'
import { copyText, encodeRows } from './copy.ts'
import {
  type LedgerAddress,
  type LedgerRow,
  type LedgerTable,
  type LedgerValue,
  ledgerTables,
  type Metadata,
} from './rows.ts'

/**
 * What becomes of a field when the row is already known:
 *
 * - `replace`: the new value, unless it is null; what a row does not say stays as it is.
 * - `keep`: the known value, unless it is null; for what the new row only assumes.
 * - `join`: the keys of both objects, of which the new one's win.
 */
type FieldMerge = 'replace' | 'keep' | 'join'

/** The fields that are objects of which the keys are joined: metadata, and addresses of which a row may know a part. */
const joinedFields = /(metadata|address)$/i

/** What such fields hold. */
type Joined = Metadata | LedgerAddress

type ObjectRow = LedgerRow & { readonly id: string }

type Column = { field: string; name: string; merge: FieldMerge }

/**
 * Takes rows on their way into one table.
 *
 * @param assumed fields that fill new rows only, and are kept in those that are known
 */
export function createTableMerge(table: LedgerTable, assumed: readonly string[] = []) {
  const columns = Object.entries(ledgerTables[table]).map(([field, name]): Column => {
    if (joinedFields.test(field)) return { field, name, merge: 'join' }
    return { field, name, merge: assumed.includes(field) ? 'keep' : 'replace' }
  })
  let rows = new Map<string, ObjectRow>()
  return {
    /** Holds rows until they are taken, each id once. */
    add: (added: readonly ObjectRow[]) => {
      for (const row of added) {
        const known = rows.get(row.id)
        if (!known) rows.set(row.id, row)
        else if (saysMore(known, row)) rows.set(row.id, foldRow(known, row, columns))
      }
    },
    /** Makes the temporary table that the rows go through; it is gone with the transaction. */
    open: async (client: pg.ClientBase) => {
      await client.query(
        `create temporary table if not exists merging_${table} on commit drop as
         select ${columns.map(({ name }) => name).join(', ')} from ${table} limit 0`,
      )
    },
    /** Takes the rows that are held, encoded; null when there are none. */
    take: (tenant: Tenant) => {
      if (rows.size === 0) return null
      const taken = [...rows.values()]
      rows = new Map()
      // An export fills few of the columns; those that none of its rows fills would cost as much as the others.
      const filled = columns.filter(({ field }) => taken.some((row) => !isNothing(row[field])))
      const names = filled.map(({ name }) => name)
      const fields = filled.map(({ field }) => field)
      // In one piece: of several, each would wait until this process has time to hand it over.
      const text = [Buffer.concat([...encodeRows(taken, fields)])]
      return {
        /** Copies them into the temporary table. */
        copy: (client: pg.ClientBase) => copyText(client, tenant.accountId, `merging_${table}`, names, text),
        /** Merge them from there into the table, and empty the temporary one. */
        statements: [mergeStatement(table, tenant, filled), `truncate merging_${table}`],
      }
    },
  }
}

function isNothing(value: LedgerValue): value is null | undefined {
  return value === null || value === undefined
}

/** The same payout is named by each row that it swept, so this is asked often. */
function saysMore(known: LedgerRow, row: LedgerRow): boolean {
  for (const field in row) {
    const value = row[field]
    if (!isNothing(value) && value !== known[field]) return true
  }
  return false
}

/** Completes a row, as the database will complete its own. */
function foldRow(known: ObjectRow, row: ObjectRow, columns: readonly Column[]): ObjectRow {
  const fields = columns.map(({ field, merge }) => [field, foldField(merge, known[field], row[field])])
  return { ...Object.fromEntries(fields), id: known.id }
}

function foldField(merge: FieldMerge, known: LedgerValue, added: LedgerValue): LedgerValue {
  if (merge === 'keep') return known ?? added
  // Only these are joined.
  if (merge === 'join' && known && added) return { ...(known as Joined), ...(added as Joined) }
  return added ?? known
}

function mergedValue({ name, merge }: Column): string {
  const [known, added] = [`known.${name}`, `excluded.${name}`]
  if (merge === 'keep') return `coalesce(${known}, ${added})`
  if (merge === 'join') return `coalesce(${known} || ${added}, ${added}, ${known})`
  return `coalesce(${added}, ${known})`
}

/** A known row that gets nothing new is not written again: the table would grow with every load. */
function mergeStatement(table: LedgerTable, { accountId, livemode }: Tenant, columns: readonly Column[]) {
  const names = columns.map(({ name }) => name).join(', ')
  const others = columns.filter(({ name }) => name !== 'id')
  const values = others.map(mergedValue).join(', ')
  const update = `
    update set (${others.map(({ name }) => name).join(', ')}) = row (${values})
    where (${others.map(({ name }) => `known.${name}`).join(', ')}) is distinct from (${values})`
  return `
    insert into ${table} as known (account_id, livemode, ${names})
    select ${pg.escapeLiteral(accountId)}, ${livemode}, ${names} from merging_${table}
    on conflict (account_id, livemode, id) do ${others.length === 0 ? 'nothing' : update}`
}

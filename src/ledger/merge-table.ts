import pg from 'pg'
import type { Tenant } from '../tenant.ts'
import { copyText } from './copy-rows.ts'
import { encodeRows } from './copy-text.ts'
import { type FieldMerge, fieldMerges, foldRow } from './fold-rows.ts'
import type { LedgerValue } from './rows.ts'

/** Rows that were taken, on their way into their table. */
export type TakenRows = {
  /** Copies them into the temporary table. */
  copy(client: pg.ClientBase, tenant: Tenant): Promise<void>
  /** Merges them from there into the table, and empties the temporary one. */
  mergeStatements(tenant: Tenant): string[]
}

/** Rows on their way into one table. */
export type TableMerge<Row> = {
  /** Holds rows until they are taken, each id once. */
  add(rows: readonly Row[]): void
  /** Makes the temporary table that the rows go through; it is gone with the transaction. */
  open(client: pg.ClientBase): Promise<void>
  /** Takes the rows that are held, encoded; null when there are none. */
  take(): TakenRows | null
}

/**
 * @param columns the table's column of each field of a row
 * @param assumed fields that fill new rows only, see `fieldMerges`
 */
export function createTableMerge<Row extends { id: string } & { [Key in keyof Row]: LedgerValue }>(
  table: string,
  columns: Readonly<Record<keyof Row, string>>,
  assumed: readonly (keyof Row)[] = [],
): TableMerge<Row> {
  // Object.keys cannot know that `columns` has no other keys than those of Row.
  const merges = fieldMerges(Object.keys(columns) as (keyof Row)[], assumed)
  let rows = new Map<string, Row>()
  return {
    add: (added) => {
      for (const row of added) foldRow(rows, row, merges)
    },
    open: async (client) => {
      await client.query(
        `create temporary table if not exists merging_${table} on commit drop as
         select ${Object.values(columns).join(', ')} from ${table} limit 0`,
      )
    },
    take: () => {
      if (rows.size === 0) return null
      const taken = [...rows.values()]
      rows = new Map()
      // An export fills few of the columns; those that none of its rows fills would cost as much as the others.
      const said = [...merges].filter(([field]) => taken.some((row) => !saysNothing(row[field])))
      const fields = said.map(([field]) => field)
      // In one piece: of several, each would wait until this process has time to hand it over.
      const text = [Buffer.concat([...encodeRows(taken, fields)])]
      const others = said.filter(([field]) => field !== 'id')
      const columnMerges = new Map(others.map(([field, merge]) => [columns[field], merge]))
      return {
        copy: (client, { accountId }) => {
          const names = fields.map((field) => columns[field])
          return copyText(client, accountId, `merging_${table}`, names, text)
        },
        mergeStatements: (tenant) => [
          mergeStatement(table, tenant, columnMerges),
          `truncate merging_${table}`,
        ],
      }
    },
  }
}

function mergedValue(merge: FieldMerge, column: string): string {
  const [known, added] = [`known.${column}`, `excluded.${column}`]
  if (merge === 'keep') return `coalesce(${known}, ${added})`
  if (merge === 'join') return `coalesce(${known} || ${added}, ${added}, ${known})`
  return `coalesce(${added}, ${known})`
}

/** What becomes of a row that is known. One that says nothing new is not written again: the table would grow with every load. */
function conflictAction(merges: ReadonlyMap<string, FieldMerge>): string {
  const names = [...merges.keys()]
  if (names.length === 0) return 'nothing'
  const values = [...merges].map(([column, merge]) => mergedValue(merge, column)).join(', ')
  return `
    update set (${names.join(', ')}) = row (${values})
    where (${names.map((name) => `known.${name}`).join(', ')}) is distinct from (${values})`
}

/** @param merges how each column but the id is merged */
function mergeStatement(
  table: string,
  { accountId, livemode }: Tenant,
  merges: ReadonlyMap<string, FieldMerge>,
): string {
  const columns = ['id', ...merges.keys()].join(', ')
  return `
    insert into ${table} as known (account_id, livemode, ${columns})
    select ${pg.escapeLiteral(accountId)}, ${livemode}, ${columns} from merging_${table}
    on conflict (account_id, livemode, id) do ${conflictAction(merges)}`
}

function saysNothing(value: LedgerValue): boolean {
  return value === null || value === undefined
}

import type pg from 'pg'
import { copyText } from './copy-rows.ts'
import { encodeRows } from './copy-text.ts'
import { type FieldMerge, fieldMerges, foldRow } from './fold-rows.ts'
import type { LedgerOwner, LedgerValue } from './rows.ts'

/** Writes rows that were taken to their table. */
export type Flush = (client: pg.ClientBase, owner: LedgerOwner) => Promise<void>

/** Rows on their way into one table. */
export type TableMerge<Row> = {
  /** Holds rows until they are taken, each id once. */
  add(rows: readonly Row[]): void
  /** Makes the temporary table that the rows go through; it is gone with the transaction. */
  open(client: pg.ClientBase): Promise<void>
  /** Takes the rows that are held, encoded, and returns what merges them into the table. */
  take(): Flush
}

const mergedValue = (merge: FieldMerge, column: string): string => {
  const [known, added] = [`known.${column}`, `excluded.${column}`]
  if (merge === 'keep') return `coalesce(${known}, ${added})`
  if (merge === 'join') return `coalesce(${known} || ${added}, ${added}, ${known})`
  return `coalesce(${added}, ${known})`
}

/** What becomes of a row that is known. One that says nothing new is not written again: the table would grow with every load. */
const conflictAction = (merges: ReadonlyMap<string, FieldMerge>): string => {
  const names = [...merges.keys()]
  if (names.length === 0) return 'nothing'
  const values = [...merges].map(([column, merge]) => mergedValue(merge, column)).join(', ')
  return `
    update set (${names.join(', ')}) = row (${values})
    where (${names.map((name) => `known.${name}`).join(', ')}) is distinct from (${values})`
}

/** @param merges how each column but the id is merged */
const mergeStatement = (table: string, merges: ReadonlyMap<string, FieldMerge>): string => {
  const columns = ['id', ...merges.keys()].join(', ')
  return `
    insert into ${table} as known (account_id, livemode, ${columns})
    select $1, $2::boolean, ${columns} from merging_${table}
    on conflict (account_id, livemode, id) do ${conflictAction(merges)}`
}

const saysNothing = (value: LedgerValue): boolean => value === null || value === undefined

/**
 * @param columns the table's column of each field of a row
 * @param assumed fields that fill new rows only, see `fieldMerges`
 */
export const createTableMerge = <Row extends { id: string } & { [Key in keyof Row]: LedgerValue }>(
  table: string,
  columns: Readonly<Record<keyof Row, string>>,
  assumed: readonly (keyof Row)[] = [],
): TableMerge<Row> => {
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
      const taken = [...rows.values()]
      rows = new Map()
      if (taken.length === 0) return async () => {}
      // An export fills few of the columns; those that none of its rows fills would cost as much as the others.
      const said = [...merges].filter(([field]) => taken.some((row) => !saysNothing(row[field])))
      const names = said.map(([field]) => columns[field])
      const text = [
        ...encodeRows(
          taken,
          said.map(([field]) => field),
        ),
      ]
      const others = said.filter(([field]) => field !== 'id')
      const statement = mergeStatement(
        table,
        new Map(others.map(([field, merge]) => [columns[field], merge])),
      )
      return async (client, { accountId, livemode }) => {
        await copyText(client, accountId, `merging_${table}`, names, text)
        await client.query(statement, [accountId, livemode])
        await client.query(`truncate merging_${table}`)
      }
    },
  }
}

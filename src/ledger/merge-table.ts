import type pg from 'pg'
import { copyRows } from './copy-rows.ts'
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
  /** Takes the rows that are held, and returns what merges them into the table. */
  take(): Flush
}

const mergedValue = (merge: FieldMerge, column: string): string => {
  const [known, added] = [`known.${column}`, `excluded.${column}`]
  if (merge === 'keep') return `coalesce(${known}, ${added})`
  if (merge === 'join') return `coalesce(${known} || ${added}, ${added}, ${known})`
  return `coalesce(${added}, ${known})`
}

const mergeStatement = <Row extends { id: string }>(
  table: string,
  columns: Readonly<Record<keyof Row, string>>,
  merges: ReadonlyMap<keyof Row, FieldMerge>,
): string => {
  const fields = [...merges].filter(([field]) => field !== 'id')
  const names = fields.map(([field]) => columns[field])
  const values = fields.map(([field, merge]) => mergedValue(merge, columns[field]))
  const all = ['account_id', 'livemode', 'id', ...names].join(', ')
  // Rows that say nothing new are not written again: that would make the table grow with every load.
  return `
    insert into ${table} as known (${all})
    select ${all} from merging_${table}
    on conflict (account_id, livemode, id) do update
    set (${names.join(', ')}) = row (${values.join(', ')})
    where (${names.map((name) => `known.${name}`).join(', ')}) is distinct from (${values.join(', ')})`
}

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
  const statement = mergeStatement(table, columns, merges)
  let rows = new Map<string, Row>()
  return {
    add: (added) => {
      for (const row of added) foldRow(rows, row, merges)
    },
    open: async (client) => {
      await client.query(
        `create temporary table if not exists merging_${table} (like ${table}) on commit drop`,
      )
    },
    take: () => {
      const taken = [...rows.values()]
      rows = new Map()
      return async (client, owner) => {
        if (taken.length === 0) return
        await copyRows(client, owner, `merging_${table}`, columns, taken)
        await client.query(statement)
        await client.query(`truncate merging_${table}`)
      }
    },
  }
}

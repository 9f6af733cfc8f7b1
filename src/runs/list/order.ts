import type { Prisma, ReportRun } from '../../postgres/generated/prisma/client.ts'

export const orderFields = ['CREATED_AT', 'FINISHED_AT', 'BYTE_SIZE', 'RUN_DURATION'] as const
export type OrderField = (typeof orderFields)[number]
export type Direction = 'ASC' | 'DESC'
export type RunOrder = { field: OrderField; direction: Direction }

/** The column behind each field; ids sort by creation, so CREATED_AT needs none. */
const columns = {
  FINISHED_AT: 'finishedAt',
  BYTE_SIZE: 'byteSize',
  RUN_DURATION: 'runMilliseconds',
} as const
type Column = (typeof columns)[keyof typeof columns]

/** Where a run stands in an order: a value, not a row, so it stays good when the row changes or goes. */
export type Position = { field: OrderField; id: string; value: string | null }

export function positionOf(run: ReportRun, field: OrderField): Position {
  return {
    field,
    id: run.id,
    value: field === 'CREATED_AT' ? null : valueAt(run, columns[field]),
  }
}

/** Null counts as larger than any value, so that unfinished runs come first when the newest or largest do. */
export function orderBy({ field, direction }: RunOrder): Prisma.ReportRunOrderByWithRelationInput[] {
  const sort = direction === 'ASC' ? 'asc' : 'desc'
  if (field === 'CREATED_AT') return [{ id: sort }]
  return [{ [columns[field]]: { sort, nulls: sort === 'asc' ? 'last' : 'first' } }, { id: sort }]
}

/** Selects the runs that come after a position in an order. */
export function beyond({ field, direction }: RunOrder, { id, value }: Position): Prisma.ReportRunWhereInput {
  const isAscending = direction === 'ASC'
  const laterId = isAscending ? { gt: id } : { lt: id }
  if (field === 'CREATED_AT') return { id: laterId }
  const column = columns[field]
  if (value === null) {
    const sameValue = { [column]: null, id: laterId }
    return isAscending ? sameValue : { OR: [sameValue, { [column]: { not: null } }] }
  }
  const typed = typedValue(column, value)
  const laterValue = { [column]: isAscending ? { gt: typed } : { lt: typed } }
  const later = [laterValue, { [column]: typed, id: laterId }]
  return { OR: isAscending ? [...later, { [column]: null }] : later }
}

function valueAt(run: ReportRun, column: Column): string | null {
  const value = run[column]
  return value instanceof Date ? value.toISOString() : (value?.toString() ?? null)
}

function typedValue(column: Column, value: string): Date | bigint {
  return column === 'finishedAt' ? new Date(value) : BigInt(value)
}

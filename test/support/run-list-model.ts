import fc from 'fast-check'
import type { ReportRun } from '../../src/postgres/generated/prisma/client.ts'
import { type ListFilter, type ListOrder, orderFields } from './run-list.ts'

const statuses = ['PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED'] as const
const types = ['balance.summary.1', 'payouts.summary.1'] as const
const tags = ['a', 'b']

const sortValues = {
  CREATED_AT: () => 0,
  FINISHED_AT: (run: ReportRun) => run.finishedAt?.getTime() ?? Number.POSITIVE_INFINITY,
  BYTE_SIZE: (run: ReportRun) => Number(run.byteSize ?? Number.POSITIVE_INFINITY),
  RUN_DURATION: (run: ReportRun) => Number(run.runMilliseconds ?? Number.POSITIVE_INFINITY),
}

// Few different values, so that many runs share one.
function instant(step: number): Date {
  return new Date(Date.UTC(2026, 8, 1) + step)
}

/** Fields of a run that orders and filters use. */
export const runFields = fc.record({
  createdAt: fc.integer({ min: 0, max: 3 }).map(instant),
  status: fc.constantFrom(...statuses),
  reportType: fc.constantFrom(...types),
  tags: fc.subarray(tags),
  finishedAt: fc.option(fc.integer({ min: 0, max: 2 }).map(instant)),
  byteSize: fc.option(fc.constantFrom(0n, 7n, 9_007_199_254_740_993n)),
  runMilliseconds: fc.option(fc.constantFrom(0n, 250n)),
})

export const anyOrder: fc.Arbitrary<ListOrder> = fc.record({
  field: fc.constantFrom(...orderFields),
  direction: fc.constantFrom('ASC', 'DESC'),
})

export const anyFilter: fc.Arbitrary<ListFilter> = fc.record(
  {
    statuses: fc.subarray([...statuses], { minLength: 1 }),
    reportTypes: fc.subarray([...types], { minLength: 1 }),
    allTags: fc.subarray(tags),
    anyTags: fc.subarray(tags, { minLength: 1 }),
    createdAt: fc
      .record(
        {
          start: fc.nat(2).map((n) => instant(n).toISOString()),
          end: fc.nat(3).map((n) => instant(n + 1).toISOString()),
        },
        { requiredKeys: [] },
      )
      .filter(({ start, end }) => start === undefined || end === undefined || start <= end),
  },
  { requiredKeys: [] },
)

/** Compares runs in the order of the model. */
export function compareRuns({ field, direction }: ListOrder) {
  return (a: ReportRun, b: ReportRun): number => {
    const [x, y] = [sortValues[field](a), sortValues[field](b)]
    const byId = a.id < b.id ? -1 : 1
    const byValue = x < y ? -1 : 1
    return (x === y ? byId : byValue) * (direction === 'ASC' ? 1 : -1)
  }
}

/** True for the runs that the filter of the model matches. */
export function keepsRun({ statuses: kept, reportTypes, allTags, anyTags, createdAt }: ListFilter) {
  return (run: ReportRun): boolean =>
    (!kept || kept.includes(run.status)) &&
    (!reportTypes || reportTypes.includes(run.reportType)) &&
    (allTags ?? []).every((tag) => run.tags.includes(tag)) &&
    (!anyTags || anyTags.some((tag) => run.tags.includes(tag))) &&
    (!createdAt?.start || run.createdAt >= new Date(createdAt.start)) &&
    (!createdAt?.end || run.createdAt < new Date(createdAt.end))
}

import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Prisma, type ReportRun } from '../../../src/postgres/generated/prisma/client.ts'
import { checkFilter, matchesFilter, matching, type RunFilter } from '../../../src/runs/list/filter.ts'
import { runRow } from '../../support/insert-run.ts'
import { openRunParts, type RunParts } from '../../support/run-parts.ts'

const start = Date.UTC(2026, 0, 1)
// Few values, so that filters match runs, also at the bounds of ranges.
const instant = fc.integer({ min: 0, max: 20 }).map((n) => new Date(start + n))
const anyInstant = fc.oneof(
  { weight: 8, arbitrary: instant },
  {
    weight: 1,
    arbitrary: fc.constantFrom(new Date(-62_000_000_000_000), new Date(0), new Date(253_402_300_799_999)),
  },
)
const status = fc.constantFrom('PENDING', 'RUNNING', 'CANCELING', 'SUCCEEDED', 'FAILED', 'CANCELED')
const origin = fc.constantFrom('API', 'RETRY', 'SCHEDULE')
const reportType = fc.constantFrom('balance.summary.1', 'Balance.summary.1', 'a.1', 'a.1 ')
const tag = fc.constantFrom('a', 'A', 'b', 'é', 'e\u0301', '%', '')
const tags = fc.uniqueArray(tag, { maxLength: 4 })

const runFields = fc.record({
  createdAt: instant,
  finishedAt: fc.option(instant),
  status,
  origin,
  reportType,
  tags,
  rowCount: fc.option(fc.bigInt({ min: 0n, max: 2n })),
})

function given<Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null | undefined> {
  return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(null, undefined) }, { weight: 2, arbitrary: value })
}
const range = fc.record({ start: given(anyInstant), end: given(anyInstant) })

let parts: RunParts
let runs: ReportRun[]
let requesters: string[]
beforeAll(async () => {
  parts = await openRunParts()
  const { accountId } = parts.owner
  const second = await parts.prisma.apiKey.create({
    data: {
      ...(await parts.prisma.apiKey.findFirstOrThrow({ where: { accountId } })),
      id: 'key_other',
      secretHash: new Uint8Array(32),
    },
  })
  requesters = [parts.owner.apiKeyId, second.id]
  const samples = fc.sample(runFields, { numRuns: 300, seed: 7 })
  const rows = samples.map((fields, i) =>
    runRow(
      { ...parts.owner, apiKeyId: requesters[i % 2] ?? '' },
      { ...fields, reportType: fields.reportType },
    ),
  )
  const parents = rows.slice(0, 3).map(({ id }) => id)
  await parts.prisma.reportRun.createMany({
    data: rows.map((row, i) => ({ ...row, retryOfId: i < 3 || i % 3 ? null : (parents[i % 2] ?? null) })),
  })
  runs = await parts.prisma.reportRun.findMany({ orderBy: { id: 'asc' } })
})
afterAll(() => parts[Symbol.asyncDispose]())

test('a filter matches the same runs in the event log as in a list', async () => {
  const filters: fc.Arbitrary<RunFilter> = fc.record({
    statuses: given(fc.uniqueArray(status, { maxLength: 3 })),
    reportTypes: given(fc.uniqueArray(reportType, { maxLength: 3 })),
    allTags: given(fc.uniqueArray(tag, { maxLength: 2 })),
    anyTags: given(fc.uniqueArray(tag, { maxLength: 3 })),
    requestedByIds: given(fc.uniqueArray(fc.constantFrom(...requesters, 'key_none'), { maxLength: 2 })),
    origins: given(fc.uniqueArray(origin, { maxLength: 2 })),
    retryOfId: fc.oneof(
      { weight: 5, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom(...runs.slice(0, 3).map(({ id }) => id)) },
      { weight: 1, arbitrary: fc.constantFrom(...runs.flatMap(({ retryOfId }) => retryOfId ?? [])) },
    ),
    createdAt: given(range),
    finishedAt: given(range),
    isEmpty: given(fc.boolean()),
  })
  let kept = 0
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      const where = matching(parts.owner, filter)
      const query = Prisma.sql`select id from report_runs where ${where} order by id`
      const listed = await parts.rows<{ id: string }>(query, 'each')
      const matched = runs.filter((run) => matchesFilter(run, filter)).map(({ id }) => id)
      kept += matched.length
      expect(matched).toEqual(listed.map(({ id }) => id))
    }),
    { numRuns: 400 },
  )
  // The test is meaningless unless filters match runs.
  expect(kept).toBeGreaterThan(1000)
})

test.each(['createdAt', 'finishedAt'])('a filter whose %s ends before its start is rejected', (field) => {
  const [start, end] = [new Date('2026-02-01'), new Date('2026-01-01')]
  expect(() => checkFilter({ [field]: { start, end } }, ['filter'])).toThrow(
    expect.objectContaining({
      message: `filter.${field} is reversed: it starts at 2026-02-01T00:00:00.000Z and ends at 2026-01-01T00:00:00.000Z. Use an end that is later than the start.`,
      path: ['filter', field],
    }),
  )
  checkFilter({ [field]: { start: end, end: start } }, ['filter'])
  checkFilter({ [field]: { start } }, ['filter'])
})

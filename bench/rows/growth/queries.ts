import { randomUUID } from 'node:crypto'

/** The body of a request; a mutation that changes a run changes the given one. */
type BodyOf = (runId: string) => string

function listBy(list: object): BodyOf {
  const query = `query ($filter: ReportRunFilterInput, $orderBy: ReportRunOrderInput) {
    reportRuns(first: 20, filter: $filter, orderBy: $orderBy) { nodes { id status result { files { id } } } }
  }`
  return () => JSON.stringify({ query, variables: list })
}

const orders = ['CREATED_AT', 'FINISHED_AT', 'BYTE_SIZE', 'RUN_DURATION'].flatMap((field) =>
  ['ASC', 'DESC'].map((direction): [string, BodyOf] => [
    `by ${field} ${direction}`,
    listBy({ orderBy: { field, direction } }),
  ]),
)

const filters: [string, object][] = [
  ['status', { statuses: ['FAILED'] }],
  ['no such status', { statuses: ['RUNNING'] }],
  ['report type', { reportTypes: ['balance.summary.1'] }],
  ['tag', { allTags: ['monthly'] }],
  ['no such tag', { anyTags: ['none'] }],
  ['origin', { origins: ['RETRY'] }],
  ['creation', { createdAt: { end: '2020-01-01T00:00:00Z' } }],
  ['end', { finishedAt: { end: '2020-01-01T00:00:00Z' } }],
  ['empty', { isEmpty: true }],
]

const between = { start: '2026-01-01T00:00:00Z', end: '2026-02-01T00:00:00Z' }

const create: BodyOf = () =>
  JSON.stringify({
    query: 'mutation ($input: CreateReportRunInput!) { createReportRun(input: $input) { reportRun { id } } }',
    variables: {
      input: { idempotencyKey: randomUUID(), report: { balanceSummary1: { interval: { between } } } },
    },
  })

const change: BodyOf = (id) =>
  JSON.stringify({
    query: 'mutation ($input: UpdateReportRunInput!) { updateReportRun(input: $input) { reportRun { id } } }',
    variables: { input: { id, label: randomUUID() } },
  })

/** What grows with the number of runs, if anything does. */
export const growthQueries: readonly (readonly [string, BodyOf])[] = [
  ...orders,
  ...filters.map(([name, filter]) => [`filter: ${name}`, listBy({ filter })] as const),
  ['total count', () => JSON.stringify({ query: '{ reportRuns(first: 1) { totalCount } }' })],
  ['create', create],
  ['event', change],
]

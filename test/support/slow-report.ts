import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Parameter } from '../../src/reports/parameters.ts'
import { type AnyReportType, defineReportType } from '../../src/reports/report-type.ts'
import { sql } from '../../src/reports/sql.ts'
import type { GraphqlClient } from './graphql-client.ts'

function number<Default extends string>(description: string, defaultValue: Default) {
  return {
    type: 'DECIMAL',
    description,
    isRequired: false,
    isList: false,
    defaultValue,
    allowedValues: null,
    schema: z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .default(defaultValue),
  } as const satisfies Parameter
}

/** A report whose parameters set its length, speed and failures; it reads no ledger. */
export const slowReport: AnyReportType = defineReportType({
  name: 'test.slow.1',
  title: 'Slow report',
  description: 'Rows without data.',
  parameters: {
    rows: number('Rows to write.', '10'),
    row_seconds: number('Seconds that each row takes.', '0'),
    count_seconds: number('Seconds before the first row, both of a count and of the report.', '0'),
    width: number('Characters in each row: Postgres sends rows in packets of 8 KiB.', '1'),
    fails_at: number('Number of the row that divides by zero; 0 for none.', '0'),
  },
  // Delays and failures are in the columns, so that a count has neither.
  columns: [
    {
      name: 'number',
      description: 'Number of the row, from 1.',
      isDefault: true,
      value: {
        kind: 'integer',
        sql: sql`case when line.row_seconds > 0 and pg_sleep(line.row_seconds) is null then 0 else line.number end
          / case when line.number = line.fails_at then 0 else 1 end`,
      },
    },
    {
      name: 'filler',
      description: 'Text that fills the row.',
      isDefault: true,
      value: { kind: 'integer', sql: sql`repeat('x', line.width)` },
    },
  ],
  requiresLiveMode: false,
  availability: async () => null,
  source: (_scope, { rows, row_seconds, count_seconds, width, fails_at }) => ({
    from: sql`(
  select
    number,
    ${row_seconds}::float8 as row_seconds,
    ${fails_at}::bigint as fails_at,
    ${width}::integer as width
  from generate_series(1, ${rows}::bigint) as number
  where (select pg_sleep(${count_seconds}::float8) is not null)
) as line`,
    orderBy: sql`line.number`,
  }),
})

/** Requests a slow report, and returns the id of the run. */
export async function createSlowRun(
  client: GraphqlClient,
  parameters: Record<string, string> = {},
  output: { compression?: string; formats?: string[] } = {},
): Promise<string> {
  const { createReportRun } = await client.request<{
    createReportRun: { reportRun: { id: string } | null; userErrors: { message: string }[] }
  }>(
    `mutation ($parameters: JSONObject!, $output: ReportOutputInput) {
      createReportRun(input: { report: { byName: { name: "test.slow.1", parameters: $parameters } }, output: $output }) {
        reportRun { id }
        userErrors { message }
      }
    }`,
    { parameters, output },
  )
  if (!createReportRun.reportRun) throw new Error(createReportRun.userErrors.map((e) => e.message).join(' '))
  return createReportRun.reportRun.id
}

export type SeenRun = {
  id: string
  version: number
  status: string
  isFinal: boolean
  createdAt: string
  startedAt: string | null
  finishedAt: string | null
  progress: {
    percent: number | null
    rowsWritten: string
    rowsExpected: string | null
    stage: string | null
    measuredAt: string
  } | null
  result: {
    isEmpty: boolean
    rowCount: string
    columns: { name: string; type: string }[]
    files: { id: string; byteSize: string; sha256: string; download: { url: string } }[]
  } | null
  failure: { code: string; message: string; isRetryable: boolean; traceId: string } | null
  cancellation: { requestedAt: string; requestedBy: { id: string } | null; reason: string | null } | null
}

/** The fields of a `SeenRun`. */
export const seenFields = `id version status isFinal createdAt startedAt finishedAt
  progress { percent rowsWritten rowsExpected stage measuredAt }
  result { isEmpty rowCount columns { name type } files { id byteSize sha256 download { url } } }
  failure { code message isRetryable traceId }
  cancellation { requestedAt requestedBy { id } reason }`

export const watchQuery = `subscription ($id: ID!) { reportRun(id: $id) { ${seenFields} } }`

/** Follows a run to its end, and returns all states that it showed. */
export async function watchToEnd(client: GraphqlClient, id: string): Promise<SeenRun[]> {
  const states: SeenRun[] = []
  for await (const { data, errors } of client.subscribe<{ reportRun: SeenRun }>(watchQuery, { id })) {
    if (!data) throw new Error(JSON.stringify(errors))
    states.push(data.reportRun)
  }
  return states
}

/** Waits for the end of a run, and returns its final state. */
export async function endOf(client: GraphqlClient, id: string): Promise<SeenRun> {
  const last = (await watchToEnd(client, id)).at(-1)
  if (!last) throw new Error(`The subscription to the run ${id} returned nothing.`)
  return last
}

/** Waits until a worker has claimed a run, and returns the run. */
export async function startOf(client: GraphqlClient, id: string): Promise<SeenRun> {
  for await (const { data } of client.subscribe<{ reportRun: SeenRun }>(watchQuery, { id })) {
    if (data && data.reportRun.status !== 'PENDING') return data.reportRun
  }
  throw new Error(`The run ${id} never started.`)
}

/** Paths of all files in the result folder of a gateway, without the mark of the store. */
export async function storedFiles(dataDir: string): Promise<string[]> {
  const entries = await readdir(join(dataDir, 'files'), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => !entry.isDirectory() && entry.name !== 'report-gateway-store')
  return files.map(({ parentPath, name }) => join(parentPath, name))
}

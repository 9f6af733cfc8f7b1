import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { marchEnd, marchStart, writeMarchLedger } from '../support/march-ledger.ts'
import { create, retry } from '../support/run-mutations.ts'
import { createSchedule } from '../support/schedules.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway()
  account = await gateway.createAccount()
  await writeMarchLedger(gateway.database, account, [])
})
afterAll(() => gateway[Symbol.asyncDispose]())

const report = {
  balanceChangeFromActivityItemized3: {
    interval: { between: { start: marchStart, end: marchEnd } },
    columns: ['balance_transaction_id', 'description'],
  },
}

type File = { format: string; byteSize: string; sha256: string; download: { url: string } }
type Ended = {
  status: string
  output: { byteOrderMark: boolean }
  result: { rowCount: string; files: File[] } | null
}

/** Follows a run to its end, and downloads its files. */
async function finished(id: string) {
  const query = `subscription ($id: ID!) { reportRun(id: $id) { status output { byteOrderMark }
    result { rowCount files { format byteSize sha256 download { url } } } } }`
  let run: Ended | undefined
  for await (const { data } of account.client.subscribe<{ reportRun: Ended }>(query, { id }))
    run = data?.reportRun
  const files = await Promise.all(
    (run?.result?.files ?? []).map(async (file) => {
      const response = await fetch(file.download.url)
      const bytes = Buffer.from(await response.arrayBuffer())
      expect([String(bytes.length), response.headers.get('etag')]).toEqual([
        file.byteSize,
        expect.stringContaining(file.sha256),
      ])
      return [file.format, bytes] as const
    }),
  )
  return { ...run, files: new Map(files) }
}

async function run(output: object) {
  const { reportRun, userErrors } = await create(account.client, { report, output })
  if (!reportRun) throw new Error(JSON.stringify(userErrors))
  return { id: reportRun.id, ...(await finished(reportRun.id)) }
}

type Page = {
  reportRun: { result: { rows: { rows: string[][]; pageInfo: { endCursor: string; hasNextPage: boolean } } } }
}

const mark = Buffer.from([0xef, 0xbb, 0xbf])

test('CSV files begin with a byte order mark when the output asks for it, and otherwise not', async () => {
  const formats = ['CSV', 'JSONL']
  const [plain, marked, zipped] = await Promise.all([
    run({ formats }),
    run({ formats, byteOrderMark: true }),
    run({ byteOrderMark: true, compression: 'GZIP' }),
  ])
  const csv = plain.files.get('CSV') ?? Buffer.alloc(0)
  expect(csv.subarray(0, 1).toString()).toBe('"')
  expect(marked.files.get('CSV')).toEqual(Buffer.concat([mark, csv]))
  expect(marked.files.get('JSONL')).toEqual(plain.files.get('JSONL'))
  expect(gunzipSync(zipped.files.get('CSV') ?? '')).toEqual(Buffer.concat([mark, csv]))
  expect(
    [plain, marked, zipped].map(({ output, result }) => [output?.byteOrderMark, result?.rowCount]),
  ).toEqual([
    [false, '7'],
    [true, '7'],
    [true, '7'],
  ])
})

test('the rows of a result do not contain the mark, on any page', async () => {
  const { id } = await run({ byteOrderMark: true })
  const page = `query ($id: ID!, $after: String) { reportRun(id: $id) { result {
    rows(first: 3, after: $after) { rows pageInfo { endCursor hasNextPage } } } } }`
  const ids: unknown[] = []
  let after: string | null = null
  do {
    const found: Page = await account.client.request<Page>(page, { id, after })
    const { rows, pageInfo } = found.reportRun.result.rows
    ids.push(...rows.map(([first]) => first))
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null
  } while (after !== null)
  expect(ids).toEqual([
    'txn_on_start',
    'txn_dinar',
    'txn_yen',
    'txn_refund',
    'txn_zero',
    'txn_huge',
    'txn_spring',
  ])
})

test('a run with a mark is not reused for one without, and a retry has it again', async () => {
  const marked = await run({ byteOrderMark: true })
  const reused = async (output: object) => {
    const { wasReused } = await create(account.client, { report, output, reuseWithin: 'PT1H' })
    return wasReused
  }
  expect(await reused({ byteOrderMark: true, retention: 'P1D' })).toBe(true)
  expect(await reused({ byteOrderMark: false, formats: ['CSV'], compression: 'ZSTD' })).toBe(false)
  const { reportRun } = await retry(account.client, marked.id)
  const again = await finished(reportRun?.id ?? '')
  expect(again.files.get('CSV')).toEqual(marked.files.get('CSV'))
})

test('formats without CSV are refused, for runs and schedules', async () => {
  const refusal = (type: string) => ({
    userErrors: [
      {
        code: 'INVALID_VALUE',
        message: `Only CSV files can begin with a byte order mark, and the formats are JSONL, PARQUET. Add CSV, or omit byteOrderMark.`,
        path: ['input', 'output', 'byteOrderMark'],
      },
    ],
    [type]: null,
  })
  const output = { formats: ['JSONL', 'PARQUET'], byteOrderMark: true }
  expect(await create(account.client, { report, output })).toMatchObject(refusal('reportRun'))
  const scheduled = {
    report: { balanceSummary1: { interval: 'YESTERDAY' } },
    trigger: { cron: { expression: '0 6 * * *' } },
  }
  expect(await createSchedule(account.client, { ...scheduled, output })).toMatchObject(
    refusal('reportSchedule'),
  )
  const { reportSchedule } = await createSchedule(account.client, {
    ...scheduled,
    output: { byteOrderMark: true },
  })
  const { node } = await account.client.request<{ node: unknown }>(
    'query ($id: ID!) { node(id: $id) { ... on ReportSchedule { output { byteOrderMark } } } }',
    { id: reportSchedule?.id },
  )
  expect(node).toEqual({ output: { byteOrderMark: true } })
})

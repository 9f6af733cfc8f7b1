import { afterAll, beforeAll, expect, test } from 'vitest'
import { readTraceparent } from '../src/request-context.ts'
import { startTestGateway, type TestAccount, type TestGateway } from './support/gateway.ts'
import { createDocument, type NewRunPayload, retry, slowInput, update } from './support/run-mutations.ts'
import { createSlowRun, endOf, slowReport } from './support/slow-report.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [slowReport] })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'

/** Sends createReportRun with raw JSON as input, because JSON.stringify cannot write very deep values. */
async function send(
  { key }: TestAccount,
  input: string,
  headers: Record<string, string> = {},
): Promise<NewRunPayload> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: `{"query":${JSON.stringify(createDocument)},"variables":{"input":${input}}}`,
  })
  const { data, errors } = await response.json()
  if (errors) throw new Error(JSON.stringify(errors))
  return data.createReportRun
}

const failing = JSON.stringify(slowInput({}, { fails_at: '1' }))

test("a failed run has the caller's trace id in its failure and in the log", async () => {
  const account = await gateway.createAccount()
  const { reportRun } = await send(account, failing, { traceparent: `00-${traceId}-${spanId}-01` })
  const { failure } = await endOf(account.client, reportRun?.id ?? '')
  expect(failure?.traceId).toBe(traceId)
  expect(gateway.logged.filter((line) => line.runId === reportRun?.id && line.traceId === traceId)).toEqual([
    expect.objectContaining({ level: 30, msg: 'A request created a run.' }),
    expect.objectContaining({ level: 50, err: expect.anything() }),
  ])
  // The retry is another request and has another trace id.
  const retried = (await retry(account.client, reportRun?.id ?? '')).reportRun?.id ?? ''
  const again = (await endOf(account.client, retried)).failure?.traceId
  expect(again).toMatch(/^[0-9a-f]{32}$/)
  expect(again).not.toBe(traceId)
})

test('a traceparent that is not valid is replaced by a new trace id', async () => {
  const account = await gateway.createAccount()
  const seen = new Set<string | undefined>()
  for (const traceparent of ['nonsense', `00-${'0'.repeat(32)}-${spanId}-01`, '']) {
    const { reportRun } = await send(account, failing, { traceparent })
    seen.add((await endOf(account.client, reportRun?.id ?? '')).failure?.traceId)
  }
  expect(seen.size).toBe(3)
  for (const id of seen) expect(id).toMatch(/^(?!0{32})[0-9a-f]{32}$/)
})

test.each([
  [`00-${traceId}-${spanId}-00`, traceId],
  [`00-${traceId}-${spanId}-01`, traceId],
  // A later version can have more parts.
  [`01-${traceId}-${spanId}-01`, traceId],
  [`cc-${traceId}-${spanId}-01-what-comes`, traceId],
  [`00-${traceId}-${spanId}-01-more`, null],
  [`01-${traceId}-${spanId}-01.more`, null],
  [`ff-${traceId}-${spanId}-01`, null],
  [`00-${'0'.repeat(32)}-${spanId}-01`, null],
  [`00-${traceId}-${'0'.repeat(16)}-01`, null],
  [`00-${traceId.toUpperCase()}-${spanId}-01`, null],
  [`00-${traceId.slice(1)}-${spanId}-01`, null],
  [`00-${traceId}-${spanId}`, null],
  [`00-${traceId}-${spanId}-1`, null],
  [` 00-${traceId}-${spanId}-01`, null],
  [null, null],
  [undefined, null],
])('traceparent %j has the trace id %j', (header, expected) => {
  expect(readTraceparent(header)).toBe(expected)
})

function deep(levels: number): string {
  return `${'['.repeat(levels)}${']'.repeat(levels)}`
}
const report = '"report":{"byName":{"name":"test.slow.1","parameters":{}}}'

test.each([
  ['metadata', 30, `{${report},"metadata":{"a":${deep(30)}}}`, ['input', 'metadata']],
  ['metadata', 100_000, `{${report},"metadata":{"a":${deep(100_000)}}}`, ['input', 'metadata']],
  [
    'metadata with a key',
    100_000,
    `{${report},"idempotencyKey":"k","metadata":{"a":${deep(100_000)}}}`,
    ['input', 'metadata'],
  ],
  [
    'parameters with a key',
    100_000,
    `{"report":{"byName":{"name":"test.slow.1","parameters":{"rows":${deep(100_000)}}}},"idempotencyKey":"k"}`,
    ['input', 'report', 'byName', 'parameters'],
  ],
])('%s of %i levels are rejected as a user error', async (_name, _levels, input, path) => {
  const account = await gateway.createAccount()
  const { reportRun, userErrors } = await send(account, input)
  expect(reportRun).toBeNull()
  expect(userErrors).toEqual([
    expect.objectContaining({
      code: 'INVALID_VALUE',
      path,
      message: expect.stringContaining('nested more than 20 levels deep'),
    }),
  ])
})

test('deeply nested metadata in an update is rejected as a user error', async () => {
  const { client } = await gateway.createAccount()
  const id = await createSlowRun(client)
  const metadata = JSON.parse(`{"a":${deep(3000)}}`)
  expect((await update(client, id, { metadata })).userErrors).toEqual([
    expect.objectContaining({ code: 'INVALID_VALUE', path: ['input', 'metadata'] }),
  ])
})

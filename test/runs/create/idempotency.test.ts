import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pruneKeys } from '../../../src/runs/create/idempotency.ts'
import {
  startTestGateway,
  startTwoGateways,
  type TestAccount,
  type TestGateway,
  type TwoGateways,
} from '../../support/gateway.ts'
import { createGraphqlClient } from '../../support/graphql-client.ts'
import {
  create,
  createDocument,
  created,
  deleteRun,
  type NewRunPayload,
  retry,
  type ShownError,
  slowInput,
} from '../../support/run-mutations.ts'
import { createSlowRun, endOf, slowReport } from '../../support/slow-report.ts'

// Two gateways on one database, as behind a load balancer.
let gateways: TwoGateways
let first: TestGateway
let second: TestGateway
beforeAll(async () => {
  gateways = await startTwoGateways({ reportTypes: [slowReport], config: { accountConcurrency: 8 } })
  ;({ first, second } = gateways)
})
afterAll(() => gateways[Symbol.asyncDispose]())

function runsOf({ accountId }: TestAccount): Promise<number> {
  return first.prisma.reportRun.count({ where: { accountId } })
}

/** Sends createReportRun with the header Idempotency-Key. */
async function createWithHeader(account: TestAccount, header: string, input: object): Promise<NewRunPayload> {
  const response = await fetch(`${first.url}/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${account.key}`,
      'content-type': 'application/json',
      'idempotency-key': header,
    },
    body: JSON.stringify({ query: createDocument, variables: { input } }),
  })
  return (await response.json()).data.createReportRun
}

function only(errors: readonly ShownError[]): ShownError {
  expect(errors).toHaveLength(1)
  const [error] = errors
  if (!error) throw new Error('Expected a user error.')
  return error
}

test('fifty identical concurrent requests over two gateways create one run, which all of them return', async () => {
  const account = await first.createAccount()
  const clients = [account.client, createGraphqlClient(second.url, account.key)]
  const input = slowInput({ idempotencyKey: 'twins', label: 'Twin' })
  const answers = await Promise.all(
    Array.from({ length: 25 }, () => clients.map((client) => create(client, input))).flat(),
  )
  expect(answers.flatMap(({ userErrors }) => userErrors)).toEqual([])
  expect(new Set(answers.map(({ reportRun }) => reportRun?.id)).size).toBe(1)
  expect(answers.filter(({ wasReused }) => !wasReused)).toHaveLength(1)
  expect(answers).toHaveLength(50)
  expect(await runsOf(account)).toBe(1)
  const quota = await account.client.request<{ viewer: { quota: { dailyRuns: { used: number } } } }>(
    '{ viewer { quota { dailyRuns { used } } } }',
  )
  expect(quota.viewer.quota.dailyRuns.used).toBe(1)
  const jobs = await first.database.query(
    `select data from report_gateway_queue.job where data->>'runId' = $1`,
    [answers[0]?.reportRun?.id],
  )
  expect(jobs).toHaveLength(1)
})

test('the key returns the same run after it has ended, with a cursor that misses no event', async () => {
  const account = await first.createAccount()
  const input = slowInput({ idempotencyKey: 'later' })
  const run = await created(account.client, input)
  await endOf(account.client, run.id)
  const again = await create(account.client, input)
  expect(again).toMatchObject({ wasReused: true, userErrors: [] })
  expect(again.reportRun).toMatchObject({ id: run.id, status: 'SUCCEEDED' })
  const { reportRunEvents } = await account.client.request<{ reportRunEvents: { nodes: unknown[] } }>(
    'query ($after: EventCursor) { reportRunEvents(after: $after) { nodes { cursor } } }',
    { after: again.eventCursor },
  )
  expect(reportRunEvents.nodes).toEqual([])
})

test('without a key each request creates a run', async () => {
  const account = await first.createAccount()
  await createSlowRun(account.client)
  await createSlowRun(account.client)
  expect(await runsOf(account)).toBe(2)
})

describe('the header Idempotency-Key', () => {
  test('is equivalent to the input field, and both can be given when they are equal', async () => {
    const account = await first.createAccount()
    const byHeader = await createWithHeader(account, 'shared', slowInput())
    expect(byHeader.wasReused).toBe(false)
    const byInput = await create(account.client, slowInput({ idempotencyKey: 'shared' }))
    const byBoth = await createWithHeader(account, 'shared', slowInput({ idempotencyKey: 'shared' }))
    for (const answer of [byInput, byBoth]) {
      expect(answer.wasReused).toBe(true)
      expect(answer.reportRun?.id).toBe(byHeader.reportRun?.id)
    }
  })

  test('is rejected with a different key in the input, and when it is empty or too long', async () => {
    const account = await first.createAccount()
    const answers = [
      await createWithHeader(account, 'one', slowInput({ idempotencyKey: 'other' })),
      await createWithHeader(account, '', slowInput()),
      await createWithHeader(account, 'x'.repeat(256), slowInput()),
    ]
    for (const { reportRun, userErrors } of answers) {
      expect(reportRun).toBeNull()
      expect(only(userErrors)).toMatchObject({
        code: 'INVALID_VALUE',
        path: ['input', 'idempotencyKey'],
      })
    }
    expect(answers[0]?.userErrors[0]?.message).toBe(
      'The header Idempotency-Key is "one" and idempotencyKey of the input is "other". Send only one of them, or the same key in both.',
    )
    expect(await runsOf(account)).toBe(0)
  })
})

test('the key with a different input is a conflict that names the first run, and creates nothing', async () => {
  const account = await first.createAccount()
  const run = await created(account.client, slowInput({ idempotencyKey: 'k', label: 'One' }))
  for (const input of [
    slowInput({ idempotencyKey: 'k', label: 'Two' }),
    slowInput({ idempotencyKey: 'k', label: 'One', tags: ['more'] }),
    slowInput({ idempotencyKey: 'k', label: 'One', timeout: 'PT5M' }),
    slowInput({ idempotencyKey: 'k', label: 'One' }, { rows: '11' }),
    // The conflict comes before the check of the report.
    { report: { byName: { name: 'none.1', parameters: {} } }, idempotencyKey: 'k' },
  ]) {
    const { reportRun, wasReused, userErrors } = await create(account.client, input)
    expect({ reportRun, wasReused }).toEqual({ reportRun: null, wasReused: false })
    expect(only(userErrors)).toMatchObject({
      __typename: 'IdempotencyError',
      code: 'IDEMPOTENCY_CONFLICT',
      path: ['input', 'idempotencyKey'],
      existingRun: { id: run.id },
    })
  }
  expect(await runsOf(account)).toBe(1)
})

test('requests that differ only in the key order of JSON objects are equal', async () => {
  const account = await first.createAccount()
  const input = (metadata: object, parameters: Record<string, string>) =>
    slowInput({ idempotencyKey: 'order', metadata }, parameters)
  const run = await created(
    account.client,
    input({ a: '1', b: '2', __proto: '3' }, { rows: '3', width: '2' }),
  )
  const again = await create(
    account.client,
    input({ __proto: '3', b: '2', a: '1' }, { width: '2', rows: '3' }),
  )
  expect(again).toMatchObject({ wasReused: true, reportRun: { id: run.id } })
})

test('requests are equal whether or not defaults are written out', async () => {
  const account = await first.createAccount()
  const run = await created(account.client, slowInput({ idempotencyKey: 'defaults' }))
  const output = { formats: ['CSV'], compression: 'NONE', retention: 'P30D' }
  for (const defaults of [
    { output: {} },
    { output: null },
    { output },
    { waitForData: false },
    { label: null, tags: [], metadata: {}, timeout: null, startWithin: null, reuseWithin: null },
  ]) {
    const again = await create(account.client, slowInput({ idempotencyKey: 'defaults', ...defaults }))
    expect(again).toMatchObject({ wasReused: true, reportRun: { id: run.id } })
  }
  for (const other of [{ output: { ...output, retention: 'P31D' } }, { waitForData: true }]) {
    const { userErrors } = await create(account.client, slowInput({ idempotencyKey: 'defaults', ...other }))
    expect(only(userErrors).code).toBe('IDEMPOTENCY_CONFLICT')
  }
  expect(await runsOf(account)).toBe(1)
})

test('a relative interval is the same request at any time', async () => {
  let now = new Date('2026-11-27T12:00:00Z')
  await using gateway = await startTestGateway({ now: () => now, config: { role: 'gateway' } })
  const { client, accountId, livemode } = await gateway.createAccount()
  const span = { availableFrom: new Date('2026-01-01'), availableUntil: new Date('2026-12-01') }
  await gateway.prisma.ledgerCoverage.create({ data: { accountId, livemode, ...span, updatedAt: now } })
  const input = (interval: string) => ({
    report: { byName: { name: 'balance.summary.1', interval } },
    idempotencyKey: 'daily',
  })
  const run = await created(client, input('YESTERDAY'))
  now = new Date('2026-11-28T12:00:00Z')
  expect(await create(client, input('YESTERDAY'))).toMatchObject({
    wasReused: true,
    reportRun: { id: run.id },
  })
  expect(only((await create(client, input('LAST_7_DAYS'))).userErrors).code).toBe('IDEMPOTENCY_CONFLICT')
})

test('keys are separate for each account and mode', async () => {
  const test = await first.createAccount()
  const live = await first.createAccount({ accountId: test.accountId, livemode: true })
  const other = await first.createAccount()
  const input = slowInput({ idempotencyKey: 'same' })
  const runs = await Promise.all([test, live, other].map(({ client }) => created(client, input)))
  expect(new Set(runs.map(({ id }) => id)).size).toBe(3)
  // API keys of the same account and mode share idempotency keys.
  const colleague = await first.createAccount({ accountId: test.accountId })
  expect(await create(colleague.client, input)).toMatchObject({
    wasReused: true,
    reportRun: { id: runs[0]?.id },
  })
})

test('a rejected request does not store its key: a valid request can use it', async () => {
  const account = await first.createAccount()
  const wrong = slowInput({ idempotencyKey: 'corrected' }, { rows: 'many' })
  for (const _ of [1, 2]) {
    expect(only((await create(account.client, wrong)).userErrors).code).toBe('INVALID_VALUE')
  }
  const tooLong = slowInput({ idempotencyKey: 'corrected', label: 'x'.repeat(256) })
  expect(only((await create(account.client, tooLong)).userErrors).code).toBe('INVALID_VALUE')
  const right = await create(account.client, slowInput({ idempotencyKey: 'corrected' }))
  expect(right).toMatchObject({ wasReused: false, userErrors: [] })
})

test('the run of a key is returned although its request is no longer valid', async () => {
  await using gateway = await startTestGateway({
    reportTypes: [],
    database: first.database,
    dataDir: first.dataDir,
    config: { role: 'gateway' },
  })
  const account = await first.createAccount()
  const input = slowInput({ idempotencyKey: 'old' })
  const run = await created(account.client, input)
  // This gateway does not have the report type.
  const client = createGraphqlClient(gateway.url, account.key)
  const { createReportRun } = await client.request<{
    createReportRun: { reportRun: { id: string } | null; wasReused: boolean }
  }>(
    `mutation ($input: CreateReportRunInput!) { createReportRun(input: $input) { wasReused reportRun { id } } }`,
    { input },
  )
  expect(createReportRun).toEqual({ wasReused: true, reportRun: { id: run.id } })
  expect(only((await create(client, slowInput({ idempotencyKey: 'new' }))).userErrors).code).toBe(
    'INVALID_VALUE',
  )
})

test.each([
  ['of 256 characters', 'k'.repeat(256)],
  ['that is empty', ''],
  ['with NUL', 'a\0b'],
  ['with an unpaired surrogate', 'a\ud800b'],
])('a key %s is rejected', async (_name, idempotencyKey) => {
  const account = await first.createAccount()
  const { reportRun, userErrors } = await create(account.client, slowInput({ idempotencyKey }))
  expect(reportRun).toBeNull()
  expect(only(userErrors)).toMatchObject({
    __typename: 'InputError',
    code: 'INVALID_VALUE',
    path: ['input', 'idempotencyKey'],
  })
  const ended = await createSlowRun(account.client)
  await endOf(account.client, ended)
  expect(only((await retry(account.client, ended, idempotencyKey)).userErrors)).toMatchObject({
    code: 'INVALID_VALUE',
    path: ['input', 'idempotencyKey'],
  })
})

test('a key of 255 characters of any script is accepted', async () => {
  const { client } = await first.createAccount()
  const input = slowInput({ idempotencyKey: '鍵'.repeat(255) })
  const run = await created(client, input)
  expect(await create(client, input)).toMatchObject({ wasReused: true, reportRun: { id: run.id } })
})

describe('retryReportRun', () => {
  test('with a key creates one retry, and the key conflicts with other requests', async () => {
    const account = await first.createAccount()
    const { client } = account
    const id = await createSlowRun(client)
    const otherId = await createSlowRun(client)
    await Promise.all([endOf(client, id), endOf(client, otherId)])
    const twins = await Promise.all(Array.from({ length: 10 }, () => retry(client, id, 'again')))
    expect(new Set(twins.map(({ reportRun }) => reportRun?.id)).size).toBe(1)
    expect(twins.filter(({ wasReused }) => !wasReused)).toHaveLength(1)
    expect(twins[0]?.reportRun?.retryOf).toEqual({ id })

    expect(only((await retry(client, otherId, 'again')).userErrors)).toMatchObject({
      __typename: 'IdempotencyError',
      path: ['input', 'idempotencyKey'],
      existingRun: { id: twins[0]?.reportRun?.id },
    })
    const asNew = await create(client, slowInput({ idempotencyKey: 'again' }))
    expect(only(asNew.userErrors).code).toBe('IDEMPOTENCY_CONFLICT')
    expect(await runsOf(account)).toBe(3)
  })
})

test('deleteReportRun frees the key', async () => {
  const { client } = await first.createAccount()
  const input = slowInput({ idempotencyKey: 'freed' })
  const run = await created(client, input)
  await endOf(client, run.id)
  await deleteRun(client, run.id)
  const next = await create(client, slowInput({ idempotencyKey: 'freed', label: 'Another' }))
  expect(next).toMatchObject({ wasReused: false, userErrors: [] })
  expect(next.reportRun?.id).not.toBe(run.id)
})

test('keys are kept for 24 hours and then deleted', async () => {
  const account = await first.createAccount()
  const { accountId, client } = account
  const ages = { young: 0, kept: 24 * 60 - 1, old: 24 * 60 + 1 }
  const now = new Date()
  for (const [key, minutes] of Object.entries(ages)) {
    await created(client, slowInput({ idempotencyKey: key }))
    const createdAt = new Date(now.getTime() - minutes * 60_000)
    await first.prisma.idempotencyKey.updateMany({ where: { accountId, key }, data: { createdAt } })
  }
  await pruneKeys(first.prisma, now)
  const kept = await first.prisma.idempotencyKey.findMany({ where: { accountId }, orderBy: { key: 'asc' } })
  expect(kept.map(({ key }) => key)).toEqual(['kept', 'young'])
  expect((await create(client, slowInput({ idempotencyKey: 'kept' }))).wasReused).toBe(true)
  expect((await create(client, slowInput({ idempotencyKey: 'old' }))).wasReused).toBe(false)
})

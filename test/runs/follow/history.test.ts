import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool } from '../../../src/postgres/client.ts'
import { watchHistory } from '../../../src/runs/follow/history.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { insertRun } from '../../support/insert-run.ts'
import { createSlowRun, endOf, slowReport } from '../../support/slow-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [slowReport] })
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const pageDocument = `query ($after: EventCursor, $scope: ReportRunScopeInput) {
  reportRunEvents(after: $after, scope: $scope, first: 100) {
    nodes { __typename cursor run { id } ... on ReportRunLogReset { oldest } }
    eventCursor
  }
}`

type Page = {
  nodes: { __typename: string; cursor: string; oldest?: string; run: { id: string } | null }[]
  eventCursor: string
}

async function pageAfter(after: string | null, scope?: object): Promise<Page> {
  const variables = { after, ...(scope && { scope }) }
  return (await account.client.request<{ reportRunEvents: Page }>(pageDocument, variables)).reportRunEvents
}

async function typesAfter(after: string | null, scope?: object): Promise<string[]> {
  return (await pageAfter(after, scope)).nodes.map(({ __typename }) => __typename)
}

async function createRun(): Promise<string> {
  const id = await createSlowRun(account.client)
  await endOf(account.client, id)
  return id
}

/** Rolls the log back to a position, as a copy of the database's files does, and adds other events up to the former end. */
async function rewriteAfter(position: bigint): Promise<void> {
  const { accountId } = account
  const where = { accountId, position: { gt: position } }
  const { count } = await gateway.prisma.reportRunEvent.deleteMany({ where })
  await gateway.prisma.eventLogHead.updateMany({ where: { accountId }, data: { position } })
  const other = await insertRun(gateway.prisma, account)
  await gateway.database.query(
    `insert into report_run_events (account_id, livemode, position, run_id, run_version, kind, to_status, occurred_at)
    select $1, false, $2::bigint + n, $3, n, 'PROGRESSED', 'RUNNING', now() from generate_series(1, $4::integer) as n`,
    [accountId, position, other.id, count + 1],
  )
  await gateway.prisma.eventLogHead.updateMany({
    where: { accountId },
    data: { position: position + BigInt(count + 1) },
  })
}

test('a cursor of events that another history has replaced gets a reset, from every source and for every scope', async () => {
  const id = await createRun()
  const kept = (await pageAfter(null)).nodes[0]
  const { reportRuns } = await account.client.request<{ reportRuns: { eventCursor: string } }>(
    '{ reportRuns { eventCursor } }',
  )
  const { createReportRun } = await account.client.request<{ createReportRun: { eventCursor: string } }>(
    `mutation { createReportRun(input: { report: { byName: { name: "test.slow.1", parameters: {} } } }) { eventCursor } }`,
  )
  await createRun()
  const page = await pageAfter(null)
  const event = page.nodes.at(-1)?.cursor
  const gone = [reportRuns.eventCursor, createReportRun.eventCursor, event, page.eventCursor]
  for (const cursor of gone) expect(await typesAfter(cursor ?? '')).not.toContain('ReportRunLogReset')

  await rewriteAfter(1n)
  for (const cursor of gone) {
    for (const scope of [undefined, { id }, { filter: { anyTags: [] } }]) {
      expect((await typesAfter(cursor ?? '', scope))[0]).toBe('ReportRunLogReset')
    }
  }
  // The first event is in both histories.
  const [next] = (await pageAfter(kept?.cursor ?? '')).nodes
  expect(next?.__typename).toBe('ReportRunProgressed')
  const reset = (await pageAfter(event ?? '')).nodes[0]
  for (const cursor of [reset?.cursor, reset?.oldest]) {
    expect(await typesAfter(cursor ?? '')).not.toContain('ReportRunLogReset')
  }
})

test('open subscriptions get a reset when another history replaces what they have sent', async () => {
  const id = await createSlowRun(account.client, { count_seconds: '60' })
  const events = account.client.subscribe<{ reportRunEvents: { __typename: string } }>(
    'subscription { reportRunEvents { __typename } }',
  )
  const types: string[] = []
  const reading = (async () => {
    for await (const { data } of events) {
      types.push(data?.reportRunEvents.__typename ?? 'error')
      if (types.includes('ReportRunLogReset') && types.at(-1) === 'ReportRunSnapshot') break
    }
  })()
  const versions: number[] = []
  const watching = (async () => {
    const states = account.client.subscribe<{ reportRun: { version: number } }>(
      'subscription ($id: ID!) { reportRun(id: $id) { version } }',
      { id },
    )
    for await (const { data } of states) {
      versions.push(data?.reportRun.version ?? -1)
      if (versions.includes(2) && versions.at(-1) === 1) break
    }
  })()
  await expect.poll(() => [types.length > 0, versions.at(-1)]).toEqual([true, 2])
  const [head] = await gateway.prisma.eventLogHead.findMany({ where: { accountId: account.accountId } })
  await rewriteAfter((head?.position ?? 0n) - 1n)
  await gateway.prisma.reportRun.update({ where: { id }, data: { version: 1, status: 'FAILED' } })
  await Promise.all([reading, watching])
  expect(types).toContain('ReportRunLogReset')
  // A version that falls shows that the state is of another history.
  expect(versions.at(-1)).toBe(1)
})

test('the cursors of a log that is followed from before its first event get no reset', async () => {
  const fresh = await gateway.createAccount()
  const readFirst = async (): Promise<string | undefined> => {
    const events = fresh.client.subscribe<{ reportRunEvents: { cursor: string } }>(
      'subscription { reportRunEvents { cursor } }',
    )
    for await (const { data } of events) return data?.reportRunEvents.cursor
    return undefined
  }
  const createLater = async (): Promise<void> => {
    await expect.poll(openSubscriptions).toBe(1)
    await createSlowRun(fresh.client)
  }
  const [event] = await Promise.all([readFirst(), createLater()])
  const { reportRunEvents } = await fresh.client.request<{ reportRunEvents: Page }>(pageDocument, {
    after: event,
  })
  expect(reportRunEvents.nodes.map(({ __typename }) => __typename)).not.toContain('ReportRunLogReset')
})

test('a cursor of an earlier version gets one reset', async () => {
  const text = `test:${account.accountId}:1`
  const { nodes, eventCursor } = await pageAfter(Buffer.from(text).toString('base64url'))
  expect(nodes[0]?.__typename).toBe('ReportRunLogReset')
  expect(await typesAfter(eventCursor)).toEqual([])
})

async function openSubscriptions(): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text()
  return Number(/^report_gateway_open_subscriptions (\d+)$/m.exec(text)?.[1])
}

/** Starts to watch once, as a process does, and returns the epoch that the logs have then. */
async function epochAtStart(): Promise<string | undefined> {
  const pool = createPool({ url: gateway.database.url, max: 1, applicationName: 'test', onError: () => {} })
  const options = {
    probes: pool,
    pool,
    wakeUp: { onWake: () => {} },
    logger: pino({ level: 'silent' }),
  }
  await (await watchHistory({ ...options, onChange: () => {} })).stop()
  await pool.end()
  return (await gateway.prisma.eventLogHistory.findFirst())?.epoch
}

test.each([
  ['restored from a dump', 'update event_log_histories set epoch = epoch'],
  [
    'recovered or promoted',
    "update event_log_histories set timeline = '0000FFFF', writer = pg_current_xact_id()::xid::text",
  ],
  [
    'in another cluster',
    "update event_log_histories set system_identifier = '1', writer = pg_current_xact_id()::xid::text",
  ],
  ['a copy', "update event_log_histories set database_oid = '1', writer = pg_current_xact_id()::xid::text"],
])(
  'a database that was %s gets a new epoch, once, and every earlier cursor a reset',
  async (_how, change) => {
    await createRun()
    const { eventCursor } = await pageAfter(null)
    const before = await epochAtStart()
    expect(await epochAtStart()).toBe(before)
    await gateway.database.query(change)
    const after = await epochAtStart()
    expect(after).toMatch(/^[0-9a-z]{8}$/)
    expect(after).not.toBe(before)
    expect(await epochAtStart()).toBe(after)
    expect((await typesAfter(eventCursor))[0]).toBe('ReportRunLogReset')
    const { eventCursor: now } = await pageAfter(null)
    await createRun()
    expect((await typesAfter(now))[0]).toBe('ReportRunStatusChanged')
  },
)

test('a part of the place that a login may not read is no difference', async () => {
  const before = await epochAtStart()
  await gateway.database.query(
    'update event_log_histories set system_identifier = null, timeline = null, writer = pg_current_xact_id()::xid::text',
  )
  expect(await epochAtStart()).toBe(before)
})

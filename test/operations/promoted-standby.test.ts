import { expect, test } from 'vitest'
import { describeWith } from '../support/debian-tools.ts'
import { startTestGateway, type TestAccount } from '../support/gateway.ts'
import { type Postgres15, startPostgres15 } from '../support/postgres15.ts'
import { createSlowRun, endOf, slowReport } from '../support/slow-report.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

type Event = {
  __typename: string
  cursor: string
  run: { id: string; version: number; status: string } | null
  to?: string
}

const fields = '__typename cursor run { id version status } ... on ReportRunStatusChanged { to }'
const subscription = `subscription { reportRunEvents(progressInterval: "PT0S") { ${fields} } }`
const page = `query ($after: EventCursor) { reportRunEvents(after: $after, first: 500) { nodes { ${fields} } eventCursor } }`

type Follower = { events: Event[]; ended: Promise<void> }

/** Follows the log of an account over both transports, until the signal aborts. */
function follow({ client }: TestAccount, signal: AbortSignal): Follower[] {
  return (['subscribe', 'subscribeSse'] as const).map((source) => {
    const events: Event[] = []
    const read = async (): Promise<void> => {
      for await (const { data } of client[source]<{ reportRunEvents: Event }>(subscription, {}, signal))
        if (data) events.push(data.reportRunEvents)
    }
    return { events, ended: read().catch(() => {}) }
  })
}

async function pageAfter({ client }: TestAccount, after: string | null) {
  type Page = { reportRunEvents: { nodes: Event[]; eventCursor: string } }
  return (await client.request<Page>(page, { after })).reportRunEvents
}

/** The log positions of the primary and of its standby. */
async function isCaughtUp(primary: Postgres15, standby: Postgres15): Promise<boolean> {
  const [{ lsn = '' } = {}] = await primary.database.query<{ lsn: string }>(
    'select pg_current_wal_lsn()::text as lsn',
  )
  const [row] = await standby.database.query<{ done: boolean }>(
    'select pg_last_wal_replay_lsn() >= $1::pg_lsn as done',
    [lsn],
  )
  return row?.done ?? false
}

/** Stops the replication, so that the standby loses what follows. */
async function disconnect(standby: Postgres15): Promise<void> {
  await standby.database.query("alter system set primary_conninfo = ''")
  await standby.database.query('select pg_reload_conf()')
  const receivers = () => standby.database.query('select pid from pg_stat_wal_receiver')
  await expect.poll(receivers).toEqual([])
}

describeWith(['postgres15'], 'a standby that is promoted while a gateway runs', () => {
  test.each([
    ['after the primary lost acknowledged events', true],
    ['without a loss', false],
  ])('%s: clients go on with a reset, no event is invented, and none is lost', async (_how, isLossy) => {
    await using primary = await startPostgres15()
    await using proxy = await startTcpProxy(primary.database.url)
    const database = { ...primary.database, url: proxy.through(primary.database.url) }
    await using gateway = await startTestGateway({ database, reportTypes: [slowReport] })
    await using standby = await startPostgres15({ standbyOf: primary })
    const account = await gateway.createAccount()
    const following = new AbortController()
    const followers = follow(account, following.signal)
    const finishRun = async (): Promise<string> => {
      const id = await createSlowRun(account.client)
      expect((await endOf(account.client, id)).status).toBe('SUCCEEDED')
      return id
    }
    await finishRun()
    await expect.poll(() => isCaughtUp(primary, standby)).toBe(true)
    if (isLossy) await disconnect(standby)
    // A run that the standby knows only in an earlier state, or not at all.
    const lost = await finishRun()
    const open = await createSlowRun(account.client, { count_seconds: '600' })
    const watching = endOf(account.client, open).catch((error: unknown) =>
      error instanceof Error ? error.message : JSON.stringify(error),
    )
    const { eventCursor: before } = await pageAfter(account, null)
    for (const { events } of followers)
      await expect.poll(() => events.some(({ run }) => run?.id === open)).toBe(true)
    if (!isLossy) await expect.poll(() => isCaughtUp(primary, standby)).toBe(true)
    const shownBefore = followers.map(({ events }) => events.length)

    proxy.cut()
    await primary.stop()
    await standby.promote()
    proxy.redirect(standby.port)
    proxy.restore()
    await expect.poll(() => finishRun().catch(() => null), { timeout: 60_000 }).not.toBeNull()
    for (let i = 0; i < 3; i++) await finishRun()
    const newest = await finishRun()

    for (const [index, { events }] of followers.entries()) {
      await expect
        .poll(() => events.some(({ run, to }) => run?.id === newest && to === 'SUCCEEDED'))
        .toBe(true)
      const after = events.slice(shownBefore[index])
      const resetAt = after.findLastIndex(({ __typename }) => __typename === 'ReportRunLogReset')
      expect(resetAt).not.toBe(-1)
      // After the reset: the runs that have not ended, then exactly the events of the new log.
      const rest = after.slice(resetAt + 1)
      const changes = rest.filter(({ __typename }) => __typename !== 'ReportRunSnapshot')
      const snapshots = rest.filter(({ __typename }) => __typename === 'ReportRunSnapshot')
      expect(snapshots.some(({ run }) => run?.id === open)).toBe(!isLossy)
      const log = (await pageAfter(account, after[resetAt]?.cursor ?? null)).nodes
      const logged = log.filter(({ __typename }) => __typename !== 'ReportRunSnapshot')
      const cursorsOf = (list: Event[]) => list.map(({ cursor }) => cursor)
      expect(cursorsOf(changes).slice(0, logged.length)).toEqual(cursorsOf(logged).slice(0, changes.length))
      expect(changes.length).toBeGreaterThanOrEqual(12)
    }
    expect((await pageAfter(account, before)).nodes[0]?.__typename).toBe('ReportRunLogReset')
    const { node } = await account.client.request<{ node: { id: string } | null }>(
      'query ($id: ID!) { node(id: $id) { id } }',
      { id: lost },
    )
    expect(node === null).toBe(isLossy)
    if (isLossy) {
      // The run never existed there, and its follower learns that.
      expect(await watching).toMatch(/There is no report run/)
    } else {
      await account.client.request(
        'mutation ($id: ID!) { cancelReportRun(input: { id: $id }) { reportRun { id } } }',
        {
          id: open,
        },
      )
      expect(await watching).toMatchObject({ status: 'CANCELED' })
    }
    following.abort()
    await Promise.all(followers.map(({ ended }) => ended))
  })
})

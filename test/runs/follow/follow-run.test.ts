import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import type { GraphqlClient } from '../../support/graphql-client.ts'
import { insertRun } from '../../support/insert-run.ts'
import { noteStatements } from '../../support/sent-statements.ts'
import {
  createSlowRun,
  endOf,
  type SeenRun,
  slowReport,
  startOf,
  watchQuery,
} from '../../support/slow-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [slowReport], config: { concurrency: 4 } })
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

type Transport = Pick<GraphqlClient, 'subscribe' | 'subscribeSse'>
const transports = {
  WebSocket: (client: Transport, id: string) => client.subscribe<{ reportRun: SeenRun }>(watchQuery, { id }),
  SSE: (client: Transport, id: string) => client.subscribeSse<{ reportRun: SeenRun }>(watchQuery, { id }),
}

/** Inserts a run without a job, so that no worker changes it. */
async function insertWaitingRun(owner: TestAccount): Promise<string> {
  return (await insertRun(gateway.prisma, owner, { reportType: slowReport.name })).id
}

/** All results of a subscription. A rejection counts as a result: graphql-ws throws the errors of its message. */
async function resultsOf<Result>(watcher: AsyncIterable<Result>): Promise<(Result | { errors: unknown })[]> {
  const results: (Result | { errors: unknown })[] = []
  try {
    for await (const result of watcher) results.push(result)
  } catch (errors) {
    results.push({ errors })
  }
  return results
}

function cancel({ client }: TestAccount, id: string): Promise<object> {
  return client.request(
    'mutation ($id: ID!) { cancelReportRun(input: { id: $id }) { userErrors { message } } }',
    { id },
  )
}

describe.each(Object.keys(transports) as (keyof typeof transports)[])('over %s', (name) => {
  const watch = transports[name]

  test('a run is followed from its current state, with its progress, to its end', async () => {
    const id = await createSlowRun(account.client, { rows: '60', row_seconds: '0.02', width: '2500' })
    const began = performance.now()
    const states: SeenRun[] = []
    for await (const { data } of watch(account.client, id)) if (data) states.push(data.reportRun)
    const seconds = (performance.now() - began) / 1000

    expect(['PENDING', 'RUNNING']).toContain(states[0]?.status)
    expect(states.at(-1)).toMatchObject({
      status: 'SUCCEEDED',
      progress: { percent: 100, rowsWritten: '60', rowsExpected: '60' },
      result: { rowCount: '60' },
    })
    expect(states.filter(({ isFinal }) => isFinal)).toHaveLength(1)
    const versions = states.map(({ version }) => version)
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b))

    const progress = states.flatMap((run) => run.progress ?? [])
    expect(progress.length).toBeGreaterThanOrEqual(4)
    expect(progress.length).toBeLessThanOrEqual(seconds * 4 + 2)
    const percents = progress.flatMap(({ percent }) => percent ?? [])
    expect(percents.filter((percent) => percent > 0 && percent < 100).length).toBeGreaterThanOrEqual(2)
    expect(percents).toEqual(percents.toSorted((a, b) => a - b))
    const written = progress.map(({ rowsWritten }) => Number(rowsWritten))
    expect(written).toEqual(written.toSorted((a, b) => a - b))
  })

  test('a run that has ended is shown once', async () => {
    const id = await createSlowRun(account.client)
    await endOf(account.client, id)
    const states: string[] = []
    for await (const { data } of watch(account.client, id)) states.push(data?.reportRun.status ?? '')
    expect(states).toEqual(['SUCCEEDED'])
  })

  test.each(['frr_00000000000000000000000000'.slice(0, 29), 'nonsense', '', 'frr_\0'])(
    'an id that does not exist is NOT_FOUND: %j',
    async (id) => {
      expect(await resultsOf(watch(account.client, id))).toMatchObject([
        { errors: [{ extensions: { code: 'NOT_FOUND' } }] },
      ])
    },
  )

  test('the log is no longer read for a client that unsubscribes while no event occurs', async () => {
    const quiet = await gateway.createAccount()
    const id = await insertWaitingRun(quiet)
    const states = watch(quiet.client, id)
    expect((await states.next()).value).toMatchObject({ data: { reportRun: { status: 'PENDING' } } })

    using sent = noteStatements()
    const readsOnWakeUp = async (): Promise<number> => {
      sent.forget()
      await gateway.database.query("select pg_notify('report_gateway_events', $1)", [
        `${quiet.accountId}:test`,
      ])
      // The run of another account ends after that, so the wake-up has been handled as well.
      await endOf(account.client, await createSlowRun(account.client))
      return sent
        .statements()
        .filter(
          ({ text, values }) => /^select.*report_run_events/i.test(text) && values.includes(quiet.accountId),
        ).length
    }
    expect(await readsOnWakeUp()).toBeGreaterThan(0)
    await states.return(undefined)
    await vi.waitFor(async () => expect(await readsOnWakeUp()).toBe(0), { timeout: 30_000 })
  })

  test('all followers of a run see its end', async () => {
    const id = await insertWaitingRun(account)
    const watchers = Array.from({ length: 5 }, () => watch(account.client, id))
    for (const watcher of watchers) await watcher.next()
    await cancel(account, id)
    for (const watcher of watchers) {
      expect((await watcher.next()).value).toMatchObject({ data: { reportRun: { status: 'CANCELED' } } })
      expect(await watcher.next()).toMatchObject({ done: true })
    }
  })

  test('the end arrives although the wake-up connection was lost', async () => {
    const id = await insertWaitingRun(account)
    const watcher = watch(account.client, id)
    await watcher.next()
    const ended = await gateway.database.query(`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'report-gateway wake-up'`)
    expect(ended).toHaveLength(1)
    await cancel(account, id)
    expect((await watcher.next()).value).toMatchObject({ data: { reportRun: { status: 'CANCELED' } } })
    // The connection is opened again.
    await vi.waitFor(async () =>
      expect(
        await gateway.database.query(`
          select from pg_stat_activity where datname = current_database()
            and application_name = 'report-gateway wake-up' and query like 'listen%'`),
      ).toHaveLength(1),
    )
  })
})

test('an id that Postgres cannot store does not disturb followers of other runs', async () => {
  const ids = await Promise.all(Array.from({ length: 8 }, () => insertWaitingRun(account)))
  const watchers = ids.map((id) => account.client.subscribe<{ reportRun: SeenRun }>(watchQuery, { id }))
  const [firsts] = await Promise.all([
    Promise.all(watchers.map((watcher) => watcher.next())),
    Promise.all(ids.map(() => resultsOf(transports.SSE(account.client, 'frr_\0')))),
  ])
  expect(firsts.map(({ value }) => value?.data?.reportRun.id)).toEqual(ids)
  await Promise.all(watchers.map((watcher) => watcher.return(undefined)))
})

test('many followers of a running run see the same end', async () => {
  const id = await createSlowRun(account.client, { count_seconds: '0.5' })
  await startOf(account.client, id)
  const ends = await Promise.all(Array.from({ length: 10 }, () => endOf(account.client, id)))
  expect(new Set(ends.map((end) => JSON.stringify({ ...end, result: null }))).size).toBe(1)
})

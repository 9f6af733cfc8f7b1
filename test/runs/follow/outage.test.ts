import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import type { ReportRun } from '../../../src/postgres/generated/prisma/client.ts'
import { changeRun } from '../../support/foreign-worker.ts'
import { startTestGateway, type TestGateway } from '../../support/gateway.ts'
import { insertRun } from '../../support/insert-run.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ config: { role: 'gateway' } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const fields = 'id status version result { files { id } } requestedBy { displayName }'
const watchLog = `subscription {
  reportRunEvents { __typename cursor run { ${fields} } ... on ReportRunStatusChanged { to actor { id } } } }`
const watchRun = `subscription ($id: ID!) { reportRun(id: $id) { ${fields} } }`

/** Terminates every connection of the gateway to Postgres; returns their number. */
async function terminateConnections(): Promise<number> {
  const ended = await gateway.database.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'report-gateway%'",
  )
  return ended.length
}

function change(run: ReportRun, from: ReportRun['status'], to: ReportRun['status']) {
  return changeRun(gateway, run, from, to)
}

type ShownEvent = {
  __typename: string
  cursor: string
  to?: string
  actor?: { id: string } | null
  run: { id: string; status: string; result: { files: { id: string }[] } | null; requestedBy: object | null }
}

test.each(['subscribe', 'subscribeSse'] as const)(
  'streams continue without errors or lost events when the connections to Postgres are terminated: %s',
  { timeout: 60_000 },
  async (transport) => {
    const account = await gateway.createAccount()
    const runs = await Promise.all(Array.from({ length: 12 }, () => insertRun(gateway.prisma, account)))
    const leaving = new AbortController()
    onTestFinished(() => leaving.abort())
    const faults: unknown[] = []
    const received: ShownEvent[] = []
    const readLog = async (): Promise<void> => {
      for await (const { data, errors } of account.client[transport]<{ reportRunEvents: ShownEvent }>(
        watchLog,
        {},
        leaving.signal,
      )) {
        if (errors) faults.push(errors)
        if (data) received.push(data.reportRunEvents)
      }
    }
    const statuses: Record<string, string> = {}
    const readRun = async ({ id }: ReportRun): Promise<void> => {
      for await (const { data, errors } of account.client[transport]<{ reportRun: ShownEvent['run'] }>(
        watchRun,
        {
          id,
        },
      )) {
        if (errors) faults.push(errors)
        if (data) statuses[id] = data.reportRun.status
      }
    }
    const reading = readLog().catch((error: unknown) => void (leaving.signal.aborted || faults.push(error)))
    const ending = Promise.all(runs.map(readRun)).catch((error: unknown) => void faults.push(error))
    const arrived = (count: number): Promise<void> =>
      vi.waitFor(() => expect(received.length).toBe(count), { timeout: 30_000, interval: 10 })
    await arrived(runs.length)
    await vi.waitFor(() => expect(Object.keys(statuses)).toHaveLength(runs.length))

    for (const [index, run] of runs.toReversed().entries()) {
      // At different points of the delivery.
      if (index % 2 === 0)
        await vi.waitFor(async () => expect(await terminateConnections()).toBeGreaterThan(0))
      await change(run, 'PENDING', 'RUNNING')
      const terminated = terminateConnections()
      await change(run, 'RUNNING', 'SUCCEEDED')
      await terminated
    }
    await arrived(runs.length * 3)
    await ending
    leaving.abort()
    await reading
    expect(faults).toEqual([])
    expect(Object.values(statuses)).toEqual(runs.map(() => 'SUCCEEDED'))
    const changes = received.filter(({ __typename }) => __typename === 'ReportRunStatusChanged')
    expect(changes.map(({ run, to }) => `${run.id} ${to}`)).toEqual(
      runs.toReversed().flatMap(({ id }) => [`${id} RUNNING`, `${id} SUCCEEDED`]),
    )
    for (const { run, actor } of changes) {
      expect([actor?.id, run.requestedBy !== null]).toEqual([account.apiKeyId, true])
      if (run.status === 'SUCCEEDED') expect(run.result?.files).toHaveLength(1)
    }
  },
)

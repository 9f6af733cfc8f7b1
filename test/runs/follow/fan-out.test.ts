import { type Client, createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { ReportRun } from '../../../src/postgres/generated/prisma/client.ts'
import { changeRun } from '../../support/foreign-worker.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { insertRun } from '../../support/insert-run.ts'
import { noteStatements, type SentStatement } from '../../support/sent-statements.ts'

const socketCount = 10
const crowds = [1, 100, 1_000]

let gateway: TestGateway
beforeAll(async () => {
  const sockets = {
    perKey: 1_000,
    operations: 1_000,
    subscriptionsPerKey: 10_000,
    messageBytes: 65_536,
    handshakeSeconds: 30,
    slowReaderSeconds: 60,
  }
  gateway = await startTestGateway({ config: { role: 'gateway', sockets } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const fields = 'id status version progress { percent } result { files { id } } requestedBy { displayName }'
const watchRun = `subscription ($id: ID!) { reportRun(id: $id) { ${fields} } }`
const watchLog = `subscription { reportRunEvents(progressInterval: "PT0S") {
  cursor run { ${fields} } ... on ReportRunStatusChanged { actor { displayName } } } }`

function openSocket({ key }: TestAccount): Client {
  return createClient({
    url: `${gateway.url.replace('http', 'ws')}/graphql`,
    connectionParams: { authorization: `Bearer ${key}` },
    retryAttempts: 0,
  })
}

type Crowd = {
  /** Number of messages that each subscriber has received. */
  counts: number[]
  wrong: unknown[]
}

/** Opens `size` subscriptions over a few sockets; resolves when each has received its first message. */
async function gather(
  account: TestAccount,
  size: number,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Crowd & Disposable> {
  const clients = Array.from({ length: Math.min(size, socketCount) }, () => openSocket(account))
  const counts = Array.from({ length: size }, () => 0)
  const wrong: unknown[] = []
  for (let i = 0; i < size; i++) {
    clients[i % clients.length]?.subscribe(
      { query, variables },
      {
        next: ({ errors }) => {
          counts[i] = (counts[i] ?? 0) + 1
          if (errors) wrong.push(errors)
        },
        error: (error) => wrong.push(error),
        complete: () => {},
      },
    )
  }
  await arrived({ counts, wrong }, 1)
  return {
    counts,
    wrong,
    [Symbol.dispose]: () => {
      for (const client of clients) void client.dispose()
    },
  }
}

async function arrived({ counts, wrong }: Crowd, count: number): Promise<void> {
  await vi.waitFor(() => expect(Math.min(...counts)).toBeGreaterThanOrEqual(count), {
    timeout: 60_000,
    interval: 5,
  })
  expect(wrong).toEqual([])
}

function change(run: ReportRun, from: ReportRun['status'], to: ReportRun['status']) {
  return changeRun(gateway, run, from, to)
}

const steps = [
  ['PENDING', 'RUNNING'],
  ['RUNNING', 'RUNNING'],
  ['RUNNING', 'SUCCEEDED'],
] as const

function isOfEvents({ text, application }: SentStatement): boolean {
  return (
    application === 'report-gateway requests' &&
    // Without the periodic statements for keys and their use, late runs, and runs that wait for data.
    !/revoked_at|last_used_at|deadline_at|data_needed_until/i.test(
      text.slice(text.toLowerCase().indexOf(' where ')),
    )
  )
}

function tableOf(text: string): string {
  return /from (?:"\w+"\.)?"?(\w+)/i.exec(text)?.[1] ?? text
}

function tally(sent: SentStatement[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { text } of sent.filter(isOfEvents)) counts[tableOf(text)] = (counts[tableOf(text)] ?? 0) + 1
  return counts
}

/** The expected statements, without reads of the log: some of those are periodic. */
function expected(to: string): Record<string, number> {
  return {
    report_runs: 1,
    api_keys: 1,
    ...(to === 'SUCCEEDED' && { report_files: 1 }),
  }
}

const kinds = {
  reportRunEvents: (account: TestAccount, size: number) => gather(account, size, watchLog),
  reportRun: (account: TestAccount, size: number, { id }: ReportRun) =>
    gather(account, size, watchRun, { id }),
}

test.each(['reportRunEvents', 'reportRun'] as const)(
  'an event takes as many statements for 1,000 subscribers of %s as for one',
  { timeout: 120_000 },
  async (kind) => {
    for (const size of crowds) {
      const account = await gateway.createAccount()
      const run = await insertRun(gateway.prisma, account)
      using crowd = await kinds[kind](account, size, run)
      let count = 1
      for (const [from, to] of steps) {
        using sent = noteStatements()
        await change(run, from, to)
        count++
        await arrived(crowd, count)
        const { report_run_events: reads, ...others } = tally(sent.statements())
        expect({ size, to, ...others }).toEqual({ size, to, ...expected(to) })
        expect(reads).toBeLessThanOrEqual(2)
      }
    }
  },
)

test('so do many concurrent events, which subscribers receive at different times', {
  timeout: 120_000,
}, async () => {
  const account = await gateway.createAccount()
  const runs = await Promise.all(Array.from({ length: 10 }, () => insertRun(gateway.prisma, account)))
  using crowd = await gather(account, 1_000, watchLog)
  await arrived(crowd, runs.length)
  using sent = noteStatements()
  for (const [from, to] of steps) await Promise.all(runs.map((run) => change(run, from, to)))
  const events = runs.length * steps.length
  await arrived(crowd, runs.length + events)
  const counts = tally(sent.statements())
  // A run is loaded again when an earlier event has already shown a newer version.
  const max = {
    report_run_events: events + 10,
    report_runs: events + 5,
    api_keys: events + 5,
    report_files: 12,
  }
  expect(Object.keys(counts).sort()).toEqual(Object.keys(max).sort())
  for (const [table, limit] of Object.entries(max)) {
    expect([table, counts[table]]).toSatisfy(([, count]: [string, number]) => count <= limit)
  }
})

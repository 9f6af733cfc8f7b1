import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import type { ReportRun } from '../../../src/postgres/generated/prisma/client.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { insertRun } from '../../support/insert-run.ts'
import { appendMany } from '../../support/many-events.ts'
import { openWire } from '../../support/wire.ts'

const crowd = 100
const watchLog = 'subscription ($after: EventCursor) { reportRunEvents(after: $after) { __typename cursor } }'

let staying: TestGateway
let account: TestAccount
let run: ReportRun
beforeAll(async () => {
  staying = await startTestGateway({ config: { role: 'gateway' } })
  account = await staying.createAccount()
  run = await insertRun(staying.prisma, account, { status: 'RUNNING' })
})
afterAll(() => staying[Symbol.asyncDispose]())

function startLeaving(): Promise<TestGateway> {
  return startTestGateway({
    database: staying.database,
    dataDir: staying.dataDir,
    config: { role: 'gateway' },
  })
}

function append(count: number): Promise<void> {
  return appendMany(staying.database, run, count)
}

test('a gateway that stops closes its sockets in waves, with a code to connect again', async () => {
  const leaving = await startLeaving()
  const wires = await Promise.all(Array.from({ length: crowd }, () => openWire(leaving.url)))
  const stoppedAt = performance.now()
  const closings = wires.map(async ({ closed }) => {
    const { code, reason } = await closed
    return { code, reason, at: performance.now() - stoppedAt }
  })
  await leaving[Symbol.asyncDispose]()
  const closed = await Promise.all(closings)
  expect(new Set(closed.map(({ code, reason }) => `${code} ${reason}`))).toEqual(
    new Set(['1012 The gateway is restarting. Connect again.']),
  )
  const times = closed.map(({ at }) => at).sort((a, b) => a - b)
  const spread = (times.at(-1) ?? 0) - (times[0] ?? 0)
  // Twenty waves; on a slow machine, several can arrive at once.
  expect(spread).toBeGreaterThan(500)
  const together = times.map((start) => times.filter((at) => at >= start && at < start + spread / 20).length)
  expect(Math.max(...together)).toBeLessThan(crowd / 2)
})

test('a client connects to another gateway by itself, and loses no event with its cursor', async () => {
  const leaving = await startLeaving()
  let { url } = leaving
  const opened: string[] = []
  const client = createClient({
    // As a load balancer would do.
    url: () => {
      opened.push(url)
      return `${url.replace('http', 'ws')}/graphql`
    },
    connectionParams: { authorization: `Bearer ${account.key}` },
  })
  onTestFinished(() => void client.dispose())
  const variables: { after: string | null } = { after: null }
  const told: { __typename: string; cursor: string }[] = []
  const faults: unknown[] = []
  client.subscribe<{ reportRunEvents: { __typename: string; cursor: string } }>(
    { query: watchLog, variables },
    {
      next: ({ data, errors }) => {
        if (!data) return void faults.push(errors)
        told.push(data.reportRunEvents)
        variables.after = data.reportRunEvents.cursor
      },
      error: (error) => faults.push(error),
      complete: () => faults.push('It was completed.'),
    },
  )
  const arrived = (count: number): Promise<void> =>
    vi.waitFor(() => expect(told.length).toBe(count), { timeout: 30_000, interval: 5 })
  await arrived(1)
  await append(3)
  await arrived(4)

  const stopped = leaving[Symbol.asyncDispose]()
  url = staying.url
  await append(3)
  await stopped
  await append(3)
  await arrived(10)
  await append(3)
  await arrived(13)
  expect(faults).toEqual([])
  expect(opened).toEqual([leaving.url, staying.url])
  const positions = told.map(({ cursor }) =>
    Number(Buffer.from(cursor, 'base64url').toString().split(':')[2]),
  )
  const start = positions[0] ?? Number.NaN
  expect(positions).toEqual([start, ...Array.from({ length: 12 }, (_, i) => start + 1 + i)])
  expect(told.filter(({ __typename }) => __typename === 'ReportRunSnapshot')).toHaveLength(1)
})

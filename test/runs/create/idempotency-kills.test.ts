import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../../support/gateway.ts'
import { spawnGateway, testEntry } from '../../support/gateway-process.ts'
import { createGraphqlClient } from '../../support/graphql-client.ts'
import { create, slowInput } from '../../support/run-mutations.ts'
import { endOf, slowReport } from '../../support/slow-report.ts'

let survivor: TestGateway
beforeAll(async () => {
  survivor = await startTestGateway({
    reportTypes: [slowReport],
    config: { accountConcurrency: 10, concurrency: 4 },
  })
})
afterAll(() => survivor[Symbol.asyncDispose]())

const requests = 24

// At the kill, requests are at all stages: answered, committed but not answered, in progress, not started.
test.each([0, 1, 6, 12])(
  'after a gateway is killed at answer %i, each request sent again to another gateway has one run',
  async (answersBefore) => {
    const account = await survivor.createAccount()
    await using victim = spawnGateway(
      { DATABASE_URL: survivor.database.url, DATA_DIR: survivor.dataDir, ROLE: 'gateway' },
      testEntry,
    )
    const client = createGraphqlClient(await victim.ready(), account.key)
    const keys = Array.from({ length: requests }, (_, i) => `key ${i}`)
    const answered = new Map<string, string>()
    const kill = (): void => {
      if (answered.size >= answersBefore) victim.child.kill('SIGKILL')
    }
    const sent = keys.map(async (idempotencyKey) => {
      const { reportRun } = await create(client, slowInput({ idempotencyKey }))
      answered.set(idempotencyKey, reportRun?.id ?? '')
      kill()
    })
    if (answersBefore === 0) {
      const { accountId } = account
      const started = () => survivor.prisma.idempotencyKey.count({ where: { accountId } })
      await expect.poll(started, { interval: 1 }).toBeGreaterThan(0)
      kill()
    }
    await Promise.allSettled(sent)
    await victim.ended()
    expect(answered.size).toBeLessThan(requests)

    const again = await Promise.all(
      keys.map((idempotencyKey) => create(account.client, slowInput({ idempotencyKey }))),
    )
    const ids = again.map(({ reportRun }) => reportRun?.id ?? '')
    expect(again.flatMap(({ userErrors }) => userErrors)).toEqual([])
    for (const [i, key] of keys.entries()) {
      if (answered.has(key)) {
        expect([ids[i], again[i]?.wasReused]).toEqual([answered.get(key), true])
      }
    }
    const rows = await survivor.prisma.reportRun.findMany({ where: { accountId: account.accountId } })
    expect(rows.map(({ id }) => id).sort()).toEqual(ids.toSorted())
    expect(new Set(ids).size).toBe(requests)
    const ends = await Promise.all(ids.map((id) => endOf(account.client, id)))
    expect(new Set(ends.map(({ status }) => status))).toEqual(new Set(['SUCCEEDED']))
  },
  60_000,
)

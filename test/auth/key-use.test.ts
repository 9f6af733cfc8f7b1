import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKeyUse } from '../../src/auth/key-use.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ config: { role: 'gateway' } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function lastUse(id: string): Promise<Date | null | undefined> {
  return (await gateway.prisma.apiKey.findUnique({ where: { id } }))?.lastUsedAt
}

test('the last use of a key that authenticates is recorded, and that of another key is not', async () => {
  const [used, other] = [await gateway.createAccount(), await gateway.createAccount()]
  await used.client.request('{ viewer { accountId } }')
  await expect.poll(() => lastUse(used.apiKeyId)).toBeInstanceOf(Date)
  expect(await lastUse(other.apiKeyId)).toBeNull()
})

test('any number of uses in a minute are one write, a later use is another, and time never goes back', async () => {
  const { apiKeyId } = await gateway.createAccount()
  let now = new Date('2026-11-01T10:00:00Z')
  const use = createKeyUse({ prisma: gateway.prisma, now: () => now })
  for (let request = 0; request < 1_000; request++) use.note(apiKeyId)
  await use.write()
  now = new Date('2026-11-01T10:00:59Z')
  use.note(apiKeyId)
  await use.write()
  expect(await lastUse(apiKeyId)).toEqual(new Date('2026-11-01T10:00:00Z'))
  now = new Date('2026-11-01T10:01:01Z')
  await use.write()
  use.note(apiKeyId)
  await use.write()
  expect(await lastUse(apiKeyId)).toEqual(now)

  const behind = createKeyUse({ prisma: gateway.prisma, now: () => new Date('2026-10-01T00:00:00Z') })
  behind.note(apiKeyId)
  await behind.write()
  expect(await lastUse(apiKeyId)).toEqual(now)
})

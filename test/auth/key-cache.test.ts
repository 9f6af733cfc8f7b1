import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  createApiKey,
  createKeyFinder,
  type FindKey,
  isActive,
  revokeApiKey,
} from '../../src/auth/api-keys.ts'
import { createKeyCache } from '../../src/auth/key-cache.ts'
import { noMetrics } from '../../src/metrics.ts'
import type { ApiKey } from '../../src/postgres/generated/prisma/client.ts'
import { startWakeUp } from '../../src/postgres/notify.ts'
import { openRunParts, type RunParts } from '../support/run-parts.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

let parts: RunParts
beforeAll(async () => {
  parts = await openRunParts()
})
afterAll(() => parts[Symbol.asyncDispose]())

async function makeKey(): Promise<ApiKey> {
  const { accountId, livemode } = parts.owner
  return (await createApiKey(parts.prisma, { accountId, livemode, name: 'Kept' })).apiKey
}

/** A cache whose connection for notifications is behind a proxy, and the number of its reads of keys. */
async function openCache() {
  await using cleanup = new AsyncDisposableStack()
  const proxy = cleanup.use(await startTcpProxy(parts.database.url))
  // Without a heartbeat during the test, so that only a cut connection is known to be down.
  const options = { metrics: noMetrics, heartbeatMilliseconds: 60_000 }
  const wakeUp = await startWakeUp(proxy.through(parts.database.url), parts.pool, parts.logger, options)
  cleanup.defer(wakeUp.stop)
  const read = vi.fn<FindKey>(createKeyFinder(parts.prisma))
  const findKey = createKeyCache(read, wakeUp)
  const isUsable = async (id: string): Promise<boolean> => {
    const apiKey = await findKey(id)
    return apiKey !== null && isActive(apiKey, new Date())
  }
  const opened = cleanup.move()
  return { proxy, wakeUp, read, findKey, isUsable, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

test('a key is read once for many requests, and an unknown one for each', async () => {
  await using cache = await openCache()
  const { id } = await makeKey()
  for (let request = 0; request < 50; request++) expect((await cache.findKey(id))?.id).toBe(id)
  expect(cache.read).toHaveBeenCalledTimes(1)
  for (let request = 0; request < 3; request++) expect(await cache.findKey('key_unknown')).toBeNull()
  expect(cache.read).toHaveBeenCalledTimes(4)
})

const changes: Record<string, (id: string) => Promise<unknown>> = {
  'the command revokes': (id) => revokeApiKey(parts.prisma, id),
  'SQL revokes': (id) => parts.database.query('update api_keys set revoked_at = now() where id = $1', [id]),
  'SQL expires': (id) => parts.database.query('update api_keys set expires_at = now() where id = $1', [id]),
  'SQL deletes': (id) => parts.database.query('delete from api_keys where id = $1', [id]),
}

describe.each(Object.keys(changes))('a kept key that %s', (change) => {
  test('is refused after the notification, with one more read', async () => {
    await using cache = await openCache()
    const { id } = await makeKey()
    expect(await cache.isUsable(id)).toBe(true)
    const { promise: notified, resolve } = Promise.withResolvers<string | null>()
    cache.wakeUp.onKeyChange(resolve)
    await changes[change]?.(id)
    expect(await notified).toBe(id)
    expect(await cache.isUsable(id)).toBe(false)
    expect(cache.read).toHaveBeenCalledTimes(2)
  })

  test('is refused at once while the connection for notifications is cut, and after it is open again', async () => {
    await using cache = await openCache()
    const { id } = await makeKey()
    expect(await cache.isUsable(id)).toBe(true)
    cache.proxy.cut()
    await vi.waitFor(() => expect(cache.wakeUp.isConnected()).toBe(false))
    await changes[change]?.(id)
    expect(await cache.isUsable(id)).toBe(false)
    cache.proxy.restore()
    await vi.waitFor(() => expect(cache.wakeUp.isConnected()).toBe(true), 10_000)
    expect(await cache.isUsable(id)).toBe(false)
  })
})

test('a key that was kept before a break is read again after it', async () => {
  await using cache = await openCache()
  const { id } = await makeKey()
  await cache.findKey(id)
  cache.proxy.cut()
  await vi.waitFor(() => expect(cache.wakeUp.isConnected()).toBe(false))
  cache.proxy.restore()
  await vi.waitFor(() => expect(cache.wakeUp.isConnected()).toBe(true), 10_000)
  await cache.findKey(id)
  await cache.findKey(id)
  expect(cache.read).toHaveBeenCalledTimes(2)
})

test('a key that is revoked during its read is not kept', async () => {
  await using cache = await openCache()
  const { id } = await makeKey()
  const { promise: notified, resolve } = Promise.withResolvers<string | null>()
  cache.wakeUp.onKeyChange(resolve)
  const find = createKeyFinder(parts.prisma)
  cache.read.mockImplementationOnce(async (key) => {
    const before = await find(key)
    await revokeApiKey(parts.prisma, id)
    await notified
    return before
  })
  await cache.findKey(id)
  expect(await cache.isUsable(id)).toBe(false)
})

test('a revocation whose notification the network loses takes effect when the key has been kept for its lifetime', async () => {
  await using cache = await openCache()
  const { id } = await makeKey()
  expect(await cache.isUsable(id)).toBe(true)
  cache.proxy.swallow()
  await revokeApiKey(parts.prisma, id)
  await vi.waitFor(async () => expect(await cache.isUsable(id)).toBe(false), { timeout: 10_000 })
  expect(cache.wakeUp.isConnected()).toBe(true)
  cache.proxy.cut()
})

test('a record of the last use changes nothing', async () => {
  await using cache = await openCache()
  const [used, revoked] = [await makeKey(), await makeKey()]
  const heard: (string | null)[] = []
  cache.wakeUp.onKeyChange((id) => heard.push(id))
  await parts.database.query('update api_keys set last_used_at = now() where id = $1', [used.id])
  await revokeApiKey(parts.prisma, revoked.id)
  await vi.waitFor(() => expect(heard).toEqual([revoked.id]))
})

test('no more than 10,000 keys are kept, the newest ones', async () => {
  const row = await makeKey()
  const read = vi.fn<FindKey>(async (id) => ({ ...row, id }))
  const findKey = createKeyCache(read, { onKeyChange: () => {}, isConnected: () => true })
  for (let key = 0; key <= 10_000; key++) await findKey(`key_${key}`)
  await findKey('key_10000')
  expect(read).toHaveBeenCalledTimes(10_001)
  await findKey('key_0')
  expect(read).toHaveBeenCalledTimes(10_002)
})

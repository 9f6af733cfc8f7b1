import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pool } from 'pg'
import { expect, test } from 'vitest'
import { createKeyFinder, revokeApiKey, verifyApiKey } from '../../src/auth/api-keys.ts'
import { type DemoOptions, demoAccountId, type OnProgress, prepareDemo } from '../../src/demo/demo.ts'
import { createPool, createPrisma } from '../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

type DemoParts = AsyncDisposable & { database: TestDatabase; pool: Pool; options: DemoOptions }

/** What a start of the demo has; its ledgers end with October 2026 when they are there already. */
async function openDemoParts(withLedger: boolean): Promise<DemoParts> {
  await using cleanup = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-demo-'))
  cleanup.defer(() => rm(dataDir, { recursive: true }))
  const database = cleanup.use(await createTestDatabase(withLedger))
  const pool = createPool({ url: database.url, max: 6, applicationName: 'test', onError: () => {} })
  cleanup.defer(() => pool.end())
  const prisma = createPrisma(pool)
  cleanup.defer(() => prisma.$disconnect())
  const opened = cleanup.move()
  return {
    database,
    pool,
    options: {
      prisma,
      pool,
      dataDir,
      now: () => new Date('2026-11-20T09:30:00Z'),
      onProgress: () => {},
      signal: new AbortController().signal,
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

test('starts at once, and later ones, give the same keys and month', async () => {
  await using parts = await openDemoParts(true)
  const file = join(parts.options.dataDir, 'keys.json')
  const [first, second] = await Promise.all([prepareDemo(parts.options), prepareDemo(parts.options)])
  expect(second).toEqual(first)
  expect(first.month).toEqual({ start: new Date('2026-10-01'), end: new Date('2026-11-01') })
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(first.keys)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const later = await prepareDemo({ ...parts.options, now: () => new Date('2027-03-05T00:00:00Z') })
  expect(later).toEqual(first)
  expect(await parts.database.query('select id from api_keys')).toHaveLength(2)
})

test('a revoked, foreign or unreadable key is replaced, in a file that only its owner can read', async () => {
  await using parts = await openDemoParts(true)
  const { dataDir, prisma, now } = parts.options
  const file = join(dataDir, 'keys.json')
  const broken = [
    async (keys: { test: string }) => {
      const viewer = await verifyApiKey(createKeyFinder(prisma), keys.test, now())
      await revokeApiKey(prisma, viewer?.apiKeyId ?? '')
    },
    () => parts.database.query("update api_keys set account_id = 'acct_other'"),
    () => writeFile(file, '{"test": '),
  ]
  await prisma.account.create({ data: { id: 'acct_other', name: 'Other' } })
  let { keys } = await prepareDemo(parts.options)
  for (const breakKeys of broken) {
    await breakKeys(keys)
    // As an editor leaves it; the keys are secrets.
    await chmod(file, 0o644)
    const next = await prepareDemo(parts.options)
    expect([next.keys.test, next.keys.live]).not.toContain(keys.test)
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(next.keys)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const viewers = await Promise.all(
      [next.keys.test, next.keys.live].map((key) => verifyApiKey(createKeyFinder(prisma), key, now())),
    )
    expect(viewers).toMatchObject([
      { accountId: demoAccountId, livemode: false },
      { accountId: demoAccountId, livemode: true },
    ])
    keys = next.keys
  }
})

test('a start that is stopped leaves nothing of a ledger, and no keys', async () => {
  await using parts = await openDemoParts(false)
  const stopping = new AbortController()
  const reason = new Error('Ctrl-C')
  const lines: string[] = []
  const onProgress: OnProgress = (line, kind) => void (kind ?? lines.push(line))
  const stopped = prepareDemo({ ...parts.options, onProgress, signal: stopping.signal })
  stopped.catch(() => {})
  // One connection holds the lock, and each mode loads its ledger on another.
  await expect.poll(() => parts.pool.totalCount, { interval: 5 }).toBeGreaterThanOrEqual(3)
  stopping.abort(reason)
  await expect(stopped).rejects.toBe(reason)
  // The ledger of the other mode ends with what it does next.
  await expect.poll(() => parts.pool.totalCount - parts.pool.idleCount).toBe(0)
  expect(lines).toEqual([])
  const [row] = await parts.database.query(
    'select (select count(*) from balance_transactions) + (select count(*) from ledger_coverage) as rows',
  )
  expect(row).toEqual({ rows: '0' })
  await expect(stat(join(parts.options.dataDir, 'keys.json'))).rejects.toThrow('ENOENT')
})

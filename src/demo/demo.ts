import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pool, PoolClient } from 'pg'
import { z } from 'zod'
import { createApiKey, verifyApiKey } from '../auth/api-keys.ts'
import type { Prisma } from '../postgres/client.ts'
import { loadDemoLedger } from './demo-ledger.ts'

export const demoAccountId = 'acct_demo'

const demoKeys = z.object({ test: z.string(), live: z.string() })
type DemoKeys = z.infer<typeof demoKeys>

export type Demo = {
  /** An API key for each mode. */
  keys: DemoKeys
  /** The last whole month, in UTC, that the demo's ledger covers. */
  month: { start: Date; end: Date }
}

export type DemoOptions = {
  prisma: Prisma
  pool: Pool
  /** Folder where `keys.json` is kept. */
  dataDir: string
  now: () => Date
  onProgress: (message: string) => void
  /** Ends the work when it aborts; a ledger is then there whole or not at all. */
  signal: AbortSignal
}

const progressMilliseconds = 500

// Two gateways may start at once on one database.
const demoLock = 7_203_614_872

/** Creates what is missing of the demo: its account, its keys, and a ledger for each mode. */
export async function prepareDemo(options: DemoOptions): Promise<Demo> {
  const { prisma, pool } = options
  const tell = seldom(options.onProgress)
  const client = await borrow(pool)
  try {
    await client.query('select pg_advisory_lock($1)', [demoLock])
    await prisma.account.createMany({ data: { id: demoAccountId, name: 'Demo' }, skipDuplicates: true })
    await Promise.all([loadLedger(options, false, tell), loadLedger(options, true, tell)])
    return { keys: await ensureKeys(options), month: await lastMonth(prisma) }
  } finally {
    // Ending the connection gives the lock back, whatever happened before.
    client.release(true)
  }
}

async function readKeys(file: string): Promise<DemoKeys | null> {
  try {
    return demoKeys.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return null
  }
}

async function areGood({ prisma, now }: DemoOptions, keys: DemoKeys): Promise<boolean> {
  const viewers = await Promise.all([keys.test, keys.live].map((key) => verifyApiKey(prisma, key, now())))
  return viewers.every((viewer) => viewer?.accountId === demoAccountId)
}

/** The demo keys: those of `keys.json`, or new ones, which are written there for this user alone. */
async function ensureKeys(options: DemoOptions): Promise<DemoKeys> {
  const file = join(options.dataDir, 'keys.json')
  const kept = await readKeys(file)
  if (kept && (await areGood(options, kept))) return kept
  const create = async (livemode: boolean): Promise<string> => {
    const name = livemode ? 'Demo, live mode' : 'Demo, test mode'
    const { secret } = await createApiKey(options.prisma, { accountId: demoAccountId, livemode, name })
    return secret
  }
  const keys = { test: await create(false), live: await create(true) }
  await writeFile(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 })
  // The mode above only counts for a new file.
  await chmod(file, 0o600)
  return keys
}

function lastMidnight(now: Date): Date {
  return new Date(Math.floor(now.getTime() / 86_400_000) * 86_400_000)
}

/** Not the last month of the calendar: the ledger ends where it ended at the first start. */
async function lastMonth(prisma: Prisma): Promise<Demo['month']> {
  const { availableUntil: until } = await prisma.ledgerCoverage.findFirstOrThrow({
    where: { accountId: demoAccountId, livemode: false },
  })
  const monthStart = (back: number): Date =>
    new Date(Date.UTC(until.getUTCFullYear(), until.getUTCMonth() - back))
  return { start: monthStart(1), end: monthStart(0) }
}

/** Passes a sentence on only when the last one was some time ago. */
function seldom(tell: (message: string) => void): (message: string) => void {
  let last = 0
  return (message) => {
    if (Date.now() - last < progressMilliseconds) return
    last = Date.now()
    tell(message)
  }
}

/** While it is lent out nobody else listens, and an error that nobody hears ends the process. */
async function borrow(pool: Pool): Promise<PoolClient> {
  const client = await pool.connect()
  // The query that runs then, or the next one, fails with it.
  client.on('error', () => {})
  return client
}

async function loadLedger(
  { pool, now, signal }: DemoOptions,
  livemode: boolean,
  tell: (message: string) => void,
) {
  const client = await borrow(pool)
  try {
    await client.query('begin')
    await loadDemoLedger(client, {
      accountId: demoAccountId,
      livemode,
      endsAt: lastMidnight(now()),
      onProgress: (message) => {
        signal.throwIfAborted()
        tell(message)
      },
    })
    await client.query('commit')
  } finally {
    // Ended, not given back: it has a listener that nobody else wants.
    client.release(true)
  }
}

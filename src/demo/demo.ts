import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pool, PoolClient } from 'pg'
import { z } from 'zod'
import { createApiKey, verifyApiKey } from '../auth/api-keys.ts'
import type { Prisma } from '../postgres/client.ts'
import { inTransaction } from '../postgres/client.ts'
import { modeOf } from '../tenant.ts'
import { dayOf, momentOf } from './calendar.ts'
import { loadDemoLedger } from './demo-ledger.ts'

export const demoAccountId = 'acct_demo'

const demoKeys = z.object({ test: z.string(), live: z.string() })
type DemoKeys = z.infer<typeof demoKeys>

export type Demo = {
  keys: DemoKeys
  /** The last complete UTC month that the demo ledger covers. */
  month: { start: Date; end: Date }
}

export type DemoOptions = {
  prisma: Prisma
  pool: Pool
  /** Folder of `keys.json`. */
  dataDir: string
  now: () => Date
  onProgress: (message: string) => void
  /** Aborts the preparation. A ledger is loaded completely or not at all. */
  signal: AbortSignal
}

const progressMilliseconds = 3_000

// Prevents concurrent preparation by two gateways on the same database.
const demoLock = 7_203_614_872

/** Creates the missing parts of the demo: its account, its keys, and a ledger for each mode. */
export function prepareDemo(options: DemoOptions): Promise<Demo> {
  const { prisma, pool } = options
  return withConnection(pool, async (client) => {
    await client.query('select pg_advisory_lock($1)', [demoLock])
    await prisma.account.createMany({ data: { id: demoAccountId, name: 'Demo' }, skipDuplicates: true })
    await Promise.all([loadLedger(options, false), loadLedger(options, true)])
    return { keys: await ensureKeys(options), month: await lastMonth(prisma) }
  })
}

async function readKeys(file: string): Promise<DemoKeys | null> {
  try {
    return demoKeys.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return null
  }
}

async function areActive({ prisma, now }: DemoOptions, keys: DemoKeys): Promise<boolean> {
  const viewers = await Promise.all([keys.test, keys.live].map((key) => verifyApiKey(prisma, key, now())))
  return viewers.every((viewer) => viewer?.accountId === demoAccountId)
}

/** Returns the keys in `keys.json`, or creates keys and writes them there. Only the current user can read the file. */
async function ensureKeys(options: DemoOptions): Promise<DemoKeys> {
  const file = join(options.dataDir, 'keys.json')
  const kept = await readKeys(file)
  if (kept && (await areActive(options, kept))) return kept
  const create = async (livemode: boolean): Promise<string> => {
    const name = livemode ? 'Demo, live mode' : 'Demo, test mode'
    const { secret } = await createApiKey(options.prisma, { accountId: demoAccountId, livemode, name })
    return secret
  }
  const keys = { test: await create(false), live: await create(true) }
  await writeFile(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 })
  // `mode` above applies only to new files.
  await chmod(file, 0o600)
  return keys
}

/** The ledger ends at the day of the first start, so this is not the last calendar month. */
async function lastMonth(prisma: Prisma): Promise<Demo['month']> {
  const { availableUntil: until } = await prisma.ledgerCoverage.findFirstOrThrow({
    where: { accountId: demoAccountId, livemode: false },
  })
  const monthStart = (back: number): Date =>
    new Date(Date.UTC(until.getUTCFullYear(), until.getUTCMonth() - back))
  return { start: monthStart(1), end: monthStart(0) }
}

/** Passes on a message at most once per interval, and none in the first interval. */
function throttle(onProgress: (message: string) => void): (message: string) => void {
  let last = performance.now()
  return (message) => {
    if (performance.now() - last < progressMilliseconds) return
    last = performance.now()
    onProgress(message)
  }
}

/** Runs `work` on a new connection and closes it, which also releases its locks. */
async function withConnection<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  try {
    return await work(client)
  } finally {
    client.release(true)
  }
}

/** Loads the ledger of a mode unless it is loaded, and reports its size. */
async function loadLedger({ pool, now, signal, onProgress }: DemoOptions, livemode: boolean): Promise<void> {
  const showProgress = throttle(onProgress)
  const { balanceTransactions, isNew } = await withConnection(pool, (client) =>
    inTransaction(client, () =>
      loadDemoLedger(client, {
        accountId: demoAccountId,
        livemode,
        endsAt: momentOf(dayOf(now())),
        onProgress: (message) => {
          signal.throwIfAborted()
          showProgress(message)
        },
      }),
    ),
  )
  const mode = modeOf({ livemode })
  if (isNew) onProgress(`Demo ledger, ${mode} mode: ${balanceTransactions} balance transactions.`)
}

import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApiKey } from '../../../src/auth/api-keys.ts'
import { IdempotencyError, LimitError } from '../../../src/errors.ts'
import { idPrefixes, newId } from '../../../src/ids.ts'
import { createPool } from '../../../src/postgres/client.ts'
import { jobIdOf, priorityAt, reportRunQueue } from '../../../src/postgres/queue.ts'
import { queueSchema } from '../../../src/postgres/rights.ts'
import { createCatalog } from '../../../src/reports/catalog.ts'
import { fingerprint } from '../../../src/runs/create/idempotency.ts'
import type { RunRequest } from '../../../src/runs/create/request.ts'
import { createRun, type SubmittedRun } from '../../../src/runs/create/submit-run.ts'
import { readLogEnd } from '../../../src/runs/follow/event-log.ts'
import { cancelRun } from '../../../src/runs/lifecycle/cancel.ts'
import type { Services } from '../../../src/runs/services.ts'
import {
  type Ask,
  type Batch,
  batches,
  checkAnswers,
  dailyRuns,
  type Known,
  type Outcome,
} from '../../support/creation-model.ts'
import type { RunOwner } from '../../support/insert-run.ts'
import { noteStatements } from '../../support/sent-statements.ts'
import { slowReport } from '../../support/slow-report.ts'
import { openWorkerParts, type WorkerParts } from '../../support/worker-parts.ts'

let parts: WorkerParts
let services: Services
beforeAll(async () => {
  parts = await openWorkerParts()
  services = {
    ...parts,
    catalog: createCatalog([slowReport]),
    limits: { accountConcurrency: 5, dailyRuns: 1_000 },
    runLoader: { load: async () => null },
    now: () => new Date(),
  }
})
afterAll(() => parts[Symbol.asyncDispose]())

const plain: RunRequest = {
  type: slowReport.name,
  parameters: {},
  formats: ['CSV'],
  compression: 'NONE',
  byteOrderMark: false,
  label: null,
  tags: [],
  metadata: {},
  startWithin: null,
  timeout: null,
  retention: Temporal.Duration.from('P30D'),
  reuseWithin: null,
  waitForData: false,
}

async function createOwner(): Promise<RunOwner> {
  const accountId = newId(idPrefixes.account, new Date())
  await parts.prisma.account.create({ data: { id: accountId, name: 'Test' } })
  const { apiKey } = await createApiKey(parts.prisma, { accountId, livemode: true, name: 'Test' })
  return { accountId, livemode: true, apiKeyId: apiKey.id }
}

function create(
  owner: RunOwner,
  request: Partial<RunRequest> = {},
  key: string | null = null,
  more: Partial<Services> = {},
): Promise<SubmittedRun> {
  const idempotency = key === null ? null : { key, fingerprint: fingerprint(request) }
  return createRun({ ...services, ...more }, owner, { ...plain, ...request }, { idempotency, traceId: null })
}

/** The rows of an account in a table, without the columns that name it. */
async function rowsOf(table: string, { accountId }: RunOwner): Promise<Record<string, unknown>[]> {
  const rows = await parts.database.query(`select * from ${table} where account_id = $1`, [accountId])
  return rows.map(({ account_id, livemode, ...rest }) => rest)
}

async function jobOf(runId: string): Promise<Record<string, unknown>> {
  const [job] = await parts.database.query(`select * from ${queueSchema}.job where id = $1::uuid`, [
    jobIdOf(runId),
  ])
  return job ?? {}
}

const text = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .filter((one) => !one.includes('\0') && one.isWellFormed())
const duration = fc.integer({ min: 1, max: 86_400 }).map((seconds) => Temporal.Duration.from({ seconds }))
const requests: fc.Arbitrary<Partial<RunRequest>> = fc.record(
  {
    parameters: fc.record({ rows: fc.nat().map(String), width: fc.nat().map(String) }, { requiredKeys: [] }),
    formats: fc.uniqueArray(fc.constantFrom('CSV', 'JSONL', 'PARQUET'), { minLength: 1 }),
    compression: fc.constantFrom('NONE', 'GZIP', 'ZSTD'),
    label: fc.option(text),
    tags: fc.array(
      text.filter((tag) => tag.length > 0),
      { maxLength: 4 },
    ),
    metadata: fc.dictionary(
      text.filter((key) => key.length > 0),
      text,
      { maxKeys: 4 },
    ),
    startWithin: fc.option(duration),
    timeout: fc.option(duration),
    retention: duration,
    waitForData: fc.boolean(),
  },
  { requiredKeys: [] },
)

describe('a creation', () => {
  test('sends one statement that writes, and no transaction', async () => {
    const owner = await createOwner()
    await create(owner, {}, 'warm')
    using sent = noteStatements()
    await create(owner, {}, 'one')
    const writing = sent.statements().filter(({ text: one }) => !one.includes('pg_notify'))
    expect(writing.map(({ text: one }) => one.match(/insert into (\w+)/)?.[1])).toEqual(['run_clocks'])
  })

  test('takes effect once when the session has lost its prepared statement', async () => {
    const owner = await createOwner()
    const pool = createPool({
      url: parts.database.url,
      max: 1,
      applicationName: 'creation',
      onError: () => {},
    })
    await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
    await create(owner, {}, null, { pool })
    await pool.query('deallocate all')
    await create(owner, {}, null, { pool })
    expect(await rowsOf('report_runs', owner)).toHaveLength(2)
  })

  test('returns the run as a read of its row returns it, whatever the request', async () => {
    const owner = await createOwner()
    const check = async (request: Partial<RunRequest>): Promise<void> => {
      const { run } = await create(owner, request)
      expect(run).toEqual(await parts.prisma.reportRun.findUniqueOrThrow({ where: { id: run.id } }))
    }
    await fc.assert(fc.asyncProperty(requests, check), { numRuns: 25 })
  })

  test('writes these rows', async () => {
    const owner = await createOwner()
    const at = new Date('2026-11-30T12:00:00.123Z')
    const request = {
      label: 'One',
      tags: ['a'],
      metadata: { k: 'v' },
      startWithin: Temporal.Duration.from('PT1H'),
    }
    const { run, eventCursor } = await create(owner, request, 'k', { now: () => at })
    expect(run.id.startsWith(`frr_${newId(idPrefixes.reportRun, at).slice(4, 14)}`)).toBe(true)
    expect(await rowsOf('report_runs', owner)).toMatchObject([
      {
        id: run.id,
        report_type: 'test.slow.1',
        parameters: { rows: '10', row_seconds: '0', count_seconds: '0', width: '1', fails_at: '0' },
        formats: '{CSV}',
        compression: 'NONE',
        label: 'One',
        tags: ['a'],
        metadata: { k: 'v' },
        status: 'PENDING',
        version: 1,
        origin: 'API',
        attempt: 1,
        requested_by_id: owner.apiKeyId,
        created_at: at,
        deadline_at: new Date('2026-11-30T13:00:00.123Z'),
        retention_milliseconds: String(30 * 86_400_000),
      },
    ])
    expect(await rowsOf('run_clocks', owner)).toEqual([{ last_created_at: at }])
    const counts = await parts.prisma.dailyRunCount.findMany({ where: { accountId: owner.accountId } })
    expect(counts).toMatchObject([{ day: new Date('2026-11-30'), runs: 1 }])
    expect(await rowsOf('idempotency_keys', owner)).toEqual([
      { key: 'k', fingerprint: Buffer.from(fingerprint(request)), run_id: run.id, created_at: at },
    ])
    expect(await rowsOf('event_log_heads', owner)).toEqual([{ position: '1', epoch: '00000000' }])
    expect(await rowsOf('report_run_events', owner)).toEqual([
      {
        position: '1',
        run_id: run.id,
        run_version: 1,
        kind: 'STATUS_CHANGED',
        from_status: null,
        to_status: 'PENDING',
        actor_id: owner.apiKeyId,
        occurred_at: at,
      },
    ])
    expect(eventCursor).toEqual(await readLogEnd(parts.prisma, owner))
    expect(await jobOf(run.id)).toMatchObject({
      name: reportRunQueue,
      data: { runId: run.id },
      priority: priorityAt(at),
      group_id: `${owner.accountId}:live`,
      state: 'created',
    })
  })
})

describe('concurrent creations', () => {
  test('of one account take turns with other accounts as if they had come one after the other', async () => {
    const owner = await createOwner()
    const at = new Date()
    const runs = await Promise.all(
      Array.from({ length: 20 }, () => create(owner, {}, null, { now: () => at })),
    )
    const jobs = await Promise.all(runs.map(({ run }) => jobOf(run.id)))
    const places = jobs.map(({ priority }) => priorityAt(at) - Number(priority))
    expect(places.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })

  test('with the same key return one run, also when it is the last one that the daily limit allows', async () => {
    const owner = await createOwner()
    await create(owner)
    const limits = { accountConcurrency: 5, dailyRuns: 2 }
    const client = await parts.pool.connect()
    await client.query('begin')
    await client.query('select from run_clocks where account_id = $1 for update', [owner.accountId])
    const sent = Promise.all([1, 2, 3].map(() => create(owner, {}, 'twin', { limits })))
    const waiting = async () => {
      const [row] = await parts.database.query<{ count: string }>(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      )
      return row?.count
    }
    await expect.poll(waiting).toBe('3')
    await client.query('commit')
    client.release()
    const twins = await sent
    expect(new Set(twins.map(({ run }) => run.id)).size).toBe(1)
    expect(twins.filter(({ wasReused }) => !wasReused)).toHaveLength(1)
    await expect(create(owner, {}, 'other', { limits })).rejects.toThrow('daily limit of 2 report runs')
    expect(await rowsOf('idempotency_keys', owner)).toHaveLength(1)
  })

  test('and changes of their runs do not block each other', async () => {
    const owner = await createOwner()
    const cancelNew = async (): Promise<string> => {
      const { run } = await create(owner)
      return (await cancelRun(services, owner, run.id, null)).status
    }
    const ended = await Promise.all(
      Array.from({ length: 100 }, (_, i) => cancelNew().finally(() => create(owner, {}, `${i}`))),
    )
    expect(new Set(ended)).toEqual(new Set(['CANCELED']))
    const end = await readLogEnd(parts.prisma, owner)
    expect(end.position).toBe(300n)
  })
})

describe('a long queue', () => {
  test('places each new run a second after the newest', async () => {
    const owner = await createOwner()
    const at = new Date()
    let last = priorityAt(at) + 1
    for (let i = 0; i < 110; i++) {
      const { run } = await create(owner, {}, null, { now: () => at })
      const { priority } = await jobOf(run.id)
      expect(priority).toBe(last - 1)
      last = Number(priority)
    }
  })
})

async function outcomeOf(owner: RunOwner, { key, rows, reuses }: Ask): Promise<Outcome> {
  const reuseWithin = reuses ? Temporal.Duration.from('PT1H') : null
  const limits = { accountConcurrency: 5, dailyRuns }
  try {
    const { run, wasReused } = await create(owner, { parameters: { rows }, reuseWithin }, key, { limits })
    return { kind: 'run', id: run.id, wasReused }
  } catch (error) {
    if (error instanceof IdempotencyError) return { kind: 'conflict', id: error.runId }
    if (error instanceof LimitError) return { kind: 'limit' }
    throw error
  }
}

/** Lets all runs so far succeed, the last one last. */
async function endRuns({ accountId }: RunOwner, known: Known): Promise<void> {
  const where = { accountId, status: 'PENDING' } as const
  const pending = await parts.prisma.reportRun.findMany({ where, orderBy: { id: 'asc' } })
  const start = Date.now() - pending.length
  for (const [i, { id, parameters }] of pending.entries()) {
    const finishedAt = new Date(start + i)
    await parts.prisma.reportRun.update({ where: { id }, data: { status: 'SUCCEEDED', finishedAt } })
    known.ended.set(Object(parameters).rows, id)
  }
}

async function checkRows(owner: RunOwner, { runs, keys }: Known): Promise<void> {
  const { accountId } = owner
  const events = await parts.prisma.reportRunEvent.findMany({
    where: { accountId },
    orderBy: { position: 'asc' },
  })
  expect(events.map(({ runId }) => runId)).toEqual(runs.toSorted())
  expect(events.map(({ position }) => position)).toEqual(runs.map((_, i) => BigInt(i + 1)))
  const counts = await parts.prisma.dailyRunCount.findMany({ where: { accountId } })
  expect(counts.map((count) => count.runs)).toEqual(runs.length > 0 ? [runs.length] : [])
  expect((await parts.prisma.reportRun.findMany({ where: { accountId } })).length).toBe(runs.length)
  const stored = await parts.prisma.idempotencyKey.findMany({ where: { accountId } })
  expect(new Map(stored.map(({ key, runId }) => [key, runId]))).toEqual(
    new Map([...keys].map(([key, { id }]) => [key, id])),
  )
  const jobs = await Promise.all(runs.map(jobOf))
  expect(jobs.map(({ data }) => data)).toEqual(runs.map((runId) => ({ runId })))
}

test('creations follow the model, also at the same time', async () => {
  const check = async (generated: Batch[]): Promise<void> => {
    const owners = [await createOwner(), await createOwner()]
    const known: Known[] = owners.map(() => ({ runs: [], keys: new Map(), ended: new Map() }))
    for (const { ends, together } of generated) {
      const answers = await Promise.all(
        together.map(async (ask) => ({
          ask,
          outcome: await outcomeOf(owners[ask.account] as RunOwner, ask),
        })),
      )
      for (const [i, one] of known.entries()) {
        checkAnswers(
          one,
          answers.filter(({ ask }) => ask.account === i),
        )
        const owner = owners[i] as RunOwner
        await checkRows(owner, one)
        if (ends) await endRuns(owner, one)
      }
    }
  }
  await fc.assert(fc.asyncProperty(batches, check), { numRuns: 12 })
})

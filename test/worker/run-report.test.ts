import { expect, test, vi } from 'vitest'
import { noMetrics } from '../../src/metrics.ts'
import type { Prisma } from '../../src/postgres/client.ts'
import type { ReadRows } from '../../src/postgres/rows.ts'
import { createHub } from '../../src/runs/follow/hub.ts'
import { recordChange, transition } from '../../src/runs/lifecycle/transition.ts'
import { createRunLoader } from '../../src/runs/list/find-run.ts'
import { watchRun } from '../../src/worker/run-report.ts'
import { insertRun } from '../support/insert-run.ts'
import { openRunParts } from '../support/run-parts.ts'

test('a worker does not mistake an event from before its claim for the end of the run', async () => {
  await using parts = await openRunParts()
  const { prisma, wakeUp, owner, logger } = parts
  const now = (): Date => new Date()
  const change = (runId: string, from: 'PENDING' | 'RUNNING', to: 'RUNNING' | 'CANCELED') =>
    transition({ prisma, wakeUp, now, metrics: noMetrics }, { runId, from, to })

  // Delays the first events, and counts the reads of the run itself.
  const held = Promise.withResolvers<void>()
  let [found, reads] = [0, 0]
  const slow = prisma.$extends({
    query: {
      reportRun: {
        findUnique: async ({ args, query }) => {
          const run = await query(args)
          reads++
          return run
        },
      },
    },
  })
  // A cast, because the type omits methods that the extended client still has.
  const reader = slow as unknown as Prisma
  const loadRun = createRunLoader(parts.rows).load
  const rows: ReadRows = async (query, planning) => {
    const events = await parts.rows<never>(query, planning)
    found += events.length
    if (found > 0) await held.promise
    return events
  }
  const hub = createHub({ prisma: reader, rows, wakeUp, loadRun, logger, metrics: noMetrics })
  const done = new AbortController()
  try {
    const run = await insertRun(prisma, owner)
    const latest = await hub.subscribe(owner, run.id, done.signal)
    await prisma.$transaction((tx) => recordChange(tx, run, { from: null, actorId: null, at: now() }))
    wakeUp.notify(owner)
    await expect.poll(() => found).toBe(1)
    const claimed = await change(run.id, 'PENDING', 'RUNNING')
    if (!claimed) throw new Error('The run was not claimed.')
    const onEnded = vi.fn()
    await watchRun({ prisma: reader, logger, hub }, claimed, onEnded, done.signal)
    await expect.poll(() => reads).toBe(1)

    held.resolve()
    expect(await latest.take()).toMatchObject({ event: { toStatus: 'PENDING' } })
    expect(await latest.take()).toMatchObject({ event: { toStatus: 'RUNNING', runVersion: 2 } })
    await change(run.id, 'RUNNING', 'RUNNING')
    expect(await latest.take()).toMatchObject({ event: { toStatus: 'RUNNING', runVersion: 3 } })
    expect(onEnded).not.toHaveBeenCalled()
    await change(run.id, 'RUNNING', 'CANCELED')
    await expect.poll(() => onEnded.mock.calls.length).toBe(1)
  } finally {
    done.abort()
    await hub.stop()
  }
})

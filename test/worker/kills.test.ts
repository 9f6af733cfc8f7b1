import { expect, test } from 'vitest'
import { supervise } from '../support/supervised-workers.ts'
import { openWorkerParts } from '../support/worker-parts.ts'

/** Repeatable numbers from 0 to below 1 (mulberry32). */
function createRandom(seed: number) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const seed = Number(process.env.SEED ?? 1)
const runs = 20
const kills = 3
const concurrency = 3

test(`whenever workers are killed, each run ends once, and no other file remains (SEED=${seed})`, async () => {
  const random = createRandom(seed)
  await using parts = await openWorkerParts()
  // More attempts than a run can use up, because all runs must succeed.
  const environment = { CONCURRENCY: `${concurrency}`, ACCOUNT_CONCURRENCY: '100', RUN_ATTEMPTS: '10' }
  await using workers = supervise(2, () => parts.spawnWorker(environment))
  // Both, because the first one could finish all runs before the other one is ready to be killed.
  for (const index of [0, 1]) await workers.at(index).ready()
  const rows = (): string => String(1 + Math.floor(random() * 12))
  const ids: string[] = []
  for (let i = 0; i < runs; i++) {
    const parameters = { rows: rows(), row_seconds: '0.2', width: '5000' }
    ids.push((await parts.createRun({ parameters })).id)
  }
  const endedRuns = (): Promise<number> => parts.prisma.reportRun.count({ where: { status: 'SUCCEEDED' } })
  for (let kill = 0; kill < kills; kill++) {
    const index = Math.floor(random() * 2)
    await workers.at(index).ready()
    // A random moment after the next run has started and written some rows. For the first kill, both workers must be
    // running reports, which is certain when there are more than one can take: a new worker may have none to lose.
    const moment = (kill * runs) / (2 * kills) + random() * 3
    const isMoment = async (): Promise<boolean> => {
      const started = await parts.prisma.reportRun.count({ where: { execution: { gt: 0 } } })
      const running = await parts.prisma.reportRun.count({ where: { status: 'RUNNING' } })
      return started >= moment && (kill > 0 || running > concurrency)
    }
    await expect.poll(isMoment, { timeout: 30_000, interval: 1 + random() * 50 }).toBe(true)
    const victim = workers.at(index)
    victim.child.kill('SIGKILL')
    await victim.ended()
  }
  await expect.poll(endedRuns, { timeout: 60_000, interval: 200 }).toBe(runs)

  expect(workers.ends()).toBe(kills)
  const lost = await parts.prisma.reportRun.aggregate({ _sum: { lostExecutions: true } })
  expect(lost._sum.lostExecutions).toBeGreaterThan(0)
  for (const id of ids) {
    const finals = await parts.prisma.reportRunEvent.findMany({
      where: { runId: id, kind: 'STATUS_CHANGED', toStatus: { in: ['SUCCEEDED', 'FAILED', 'CANCELED'] } },
    })
    const files = await parts.prisma.reportFile.findMany({ where: { runId: id } })
    expect({ id, finals: finals.length, files: files.length }).toEqual({ id, finals: 1, files: 1 })
    expect(await parts.filesOf(id)).toEqual(files.map((file) => expect.stringMatching(`/${file.id}$`)))
  }
}, 120_000)

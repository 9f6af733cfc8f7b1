import { expect, test } from 'vitest'
import { supervise } from '../support/supervised-workers.ts'
import { openWorkerParts } from '../support/worker-parts.ts'

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
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

test(`however workers are killed, each run ends once, and nothing else is left (SEED=${seed})`, async () => {
  const random = createRandom(seed)
  await using parts = await openWorkerParts()
  // So many attempts that a run cannot use them up: here all have to succeed.
  const environment = { CONCURRENCY: `${concurrency}`, ACCOUNT_CONCURRENCY: '100', RUN_ATTEMPTS: '10' }
  await using workers = supervise(2, () => parts.spawnWorker(environment))
  // Both, or the one that starts first may have made all runs before the other one is there to be killed.
  for (const place of [0, 1]) await workers.at(place).ready()
  const rows = (): string => String(1 + Math.floor(random() * 12))
  const ids: string[] = []
  for (let i = 0; i < runs; i++) {
    const parameters = { rows: rows(), row_seconds: '0.2', width: '5000' }
    ids.push((await parts.createRun({ parameters })).id)
  }
  const endedRuns = (): Promise<number> => parts.prisma.reportRun.count({ where: { status: 'SUCCEEDED' } })
  for (let kill = 0; kill < kills; kill++) {
    const place = Math.floor(random() * 2)
    await workers.at(place).ready()
    // Some moment after the next run has begun, and some rows were written. At the first, either worker is at a run, since
    // those would be too many for one: a worker that was just started may have none to lose.
    const moment = (kill * runs) / (2 * kills) + random() * 3
    const isMoment = async (): Promise<boolean> => {
      const begun = await parts.prisma.reportRun.count({ where: { execution: { gt: 0 } } })
      const running = await parts.prisma.reportRun.count({ where: { status: 'RUNNING' } })
      return begun >= moment && (kill > 0 || running > concurrency)
    }
    await expect.poll(isMoment, { timeout: 30_000, interval: 1 + random() * 50 }).toBe(true)
    const victim = workers.at(place)
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

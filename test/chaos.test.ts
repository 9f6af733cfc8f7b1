import { expect, test } from 'vitest'
import { runChaos } from '../chaos/run-chaos.ts'

const seed = Number(process.env.SEED ?? 1)

test(`whatever is killed, cut or paused, every client is told everything once, and every run ends once (SEED=${seed})`, async () => {
  const report = await runChaos({ runs: 60, seed, onProgress: () => {} })
  expect(report.surprises).toEqual([])
  expect(report.verdict).toEqual({
    lost: 0,
    repeated: 0,
    outOfOrder: 0,
    stale: 0,
    endedTwice: 0,
    leftHanging: 0,
    duplicated: 0,
    strayFiles: 0,
  })
  // There was something to survive, and something to tell.
  expect(report.faults.size).toBeGreaterThan(1)
  expect(report.reconnects).toBeGreaterThan(0)
  expect(report.told).toBeGreaterThan(report.events)
}, 480_000)

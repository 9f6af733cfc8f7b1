import { expect, test } from 'vitest'
import { runChaos } from '../chaos/run-chaos.ts'

const seed = Number(process.env.SEED ?? 1)

test(`during faults every client receives every event once, and every run ends once (SEED=${seed})`, async () => {
  const report = await runChaos({ runs: 60, seed, behind: null, onProgress: () => {} })
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
  // Faults were injected, and events were delivered.
  expect(report.faults.size).toBeGreaterThan(1)
  expect(report.reconnects).toBeGreaterThan(0)
  expect(report.delivered).toBeGreaterThan(report.events)
}, 480_000)

import { setTimeout as delay } from 'node:timers/promises'
import { startOurs } from '../framework/ours.ts'
import type { GoalResult } from '../framework/result.ts'
import type { Row } from '../framework/row.ts'

/** A fast second start and the memory of an idle process before these were worked on, on a quiet machine with two cores. */
const before = { seconds: 0.9, megabytes: 444 }
const idleMilliseconds = 3_000

export const start: Row = {
  name: 'start',
  work: '`npm start` with the embedded Postgres and the demo data, from the second start on, until it is ready, and the memory of the process three seconds later, without Postgres.',
  figures: [
    { name: 'until ready', unit: 's', decimals: 2 },
    { name: 'memory', unit: 'MB', decimals: 0 },
    { name: 'CPU', unit: 's', decimals: 2 },
  ],
  chart: 'until ready',
  peers: [],
  async run(bench) {
    const DATA_DIR = await bench.makeFolder()
    // The first start makes the cluster and the demo data.
    await (await startOurs({ DATA_DIR }))[Symbol.asyncDispose]()
    const measure = async () => {
      await using ours = await startOurs({ DATA_DIR })
      const cpu = ours.cpuSeconds()
      await delay(idleMilliseconds)
      return { 'until ready': ours.readyMilliseconds / 1000, memory: ours.memoryBytes() / 1e6, CPU: cpu }
    }
    const one = await bench.measure('npm start', [{ name: 'ours', measure }])
    const [side] = one.sides
    const value = (figure: string): number => side?.figures[figure]?.median ?? Number.NaN
    const goals: GoalResult[] = [
      {
        what: 'seconds until ready',
        value: value('until ready'),
        bound: before.seconds / 2,
        must: 'at most',
      },
      { what: 'memory, MB', value: value('memory'), bound: before.megabytes / 2, must: 'at most' },
    ]
    return { cases: [one], goals }
  },
}

import { type LoadJob, sendLoad } from './load.ts'
import type { PinnedProcess } from './pinned.ts'
import type { Figure } from './result.ts'
import type { Side } from './rounds.ts'

/** What `requestSide` measures. `CPU` is the processor time of the server for a request. */
export const requestFigures: readonly Figure[] = [
  { name: 'requests/s', unit: '', decimals: 0 },
  { name: 'CPU', unit: 'ms', decimals: 2 },
  { name: 'p50', unit: 'ms', decimals: 1 },
  { name: 'p99', unit: 'ms', decimals: 1 },
]

export type RequestJob = Omit<LoadJob, 'url'>

/**
 * A side that answers GraphQL requests.
 *
 * @param after called after each round with the number of requests
 */
export function requestSide(
  name: string,
  process: Pick<PinnedProcess, 'url' | 'cpuSeconds'>,
  job: RequestJob,
  after: (requests: number) => Promise<void> = async () => {},
): Side {
  return {
    name,
    measure: async () => {
      const before = process.cpuSeconds()
      const { requests, seconds, p50, p99 } = await sendLoad({ ...job, url: `${process.url}/graphql` })
      const cpu = ((process.cpuSeconds() - before) * 1000) / requests
      await after(requests)
      return { 'requests/s': requests / seconds, CPU: cpu, p50, p99 }
    },
  }
}

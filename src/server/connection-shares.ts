import type { Config } from '../config/config.ts'

/** How many connections to Postgres each purpose of a process has. A pool opens them when they are needed. */
export type ConnectionShares = {
  /** The one that listens for wake-ups. */
  wakeUp: 1
  /** Those of pg-boss; in a worker, one of them listens for jobs. */
  queue: number
  probes: 1
  requests: number
  /** Queries of built-in reports; 0 in a process that runs none. */
  reports: number
  /** Queries of custom reports, with their login. */
  custom: number
  /** Estimates of built-in and of custom reports; 0 in a process that serves no clients. */
  estimates: number
  customEstimates: number
}

type Settings = Pick<Config, 'role' | 'concurrency' | 'connections'> & { reports: Config['reports'] }

const defaultRequests = 10
/** With fewer connections than this, every purpose but requests has as few as possible. */
const ampleConnections = 20

/**
 * Divides the connections of a process among its purposes. Each purpose has at least one, and what finds none free waits.
 * With `connections`, which is at least 10, the sum is that number.
 */
export function shareConnections({ role, concurrency, connections, reports }: Settings): ConnectionShares {
  const [runsReports, servesClients] = [role !== 'gateway', role !== 'worker']
  const each = connections === null || connections >= ampleConnections ? 2 : 1
  const ownEstimates = servesClients ? each : 0
  const fixed = {
    wakeUp: 1,
    queue: runsReports ? 2 * each : each,
    probes: 1,
    estimates: ownEstimates,
    customEstimates: reports === null ? 0 : ownEstimates,
  } as const
  const customKinds = reports === null ? 0 : 1
  const kinds = runsReports ? 1 + customKinds : 0
  const rest = connections === null ? defaultRequests + kinds * concurrency : connections - sum(fixed)
  const perKind = Math.min(concurrency, Math.floor(rest / (kinds + 1)))
  return {
    ...fixed,
    requests: rest - kinds * perKind,
    reports: runsReports ? perKind : 0,
    custom: runsReports ? customKinds * perKind : 0,
  }
}

function sum(shares: Readonly<Record<string, number>>): number {
  return Object.values(shares).reduce((total, share) => total + share, 0)
}

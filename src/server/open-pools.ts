import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { createPool, createPoolCloser, type PoolOptions } from '../postgres/client.ts'
import { ensureReader } from '../reports/custom/login.ts'
import type { ReportPools } from '../reports/report-type.ts'

/** All connections to Postgres but those of the queue and of the wake-ups. */
export type Pools = Awaited<ReturnType<typeof openPools>>

// Closing waits for what ends by itself, but not for a server that does not answer.
const patienceMilliseconds = 1_000

/**
 * Opens the pools of a process.
 *
 * @param url of the database
 * @param closers gets what closes the pools
 * @throws ConfigurationError when custom reports can have no login
 */
export async function openPools(
  { role, concurrency, reports }: Config,
  url: string,
  logger: Logger,
  closers: AsyncDisposableStack,
) {
  const open = (name: string, options: Omit<PoolOptions, 'applicationName' | 'onError'>): Pool => {
    const onError = (error: unknown): void =>
      logger.error({ err: error }, 'A connection that was idle broke.')
    const pool = createPool({ ...options, applicationName: `report-gateway ${name}`, onError })
    const close = createPoolCloser(pool)
    closers.defer(() => close(patienceMilliseconds))
    return pool
  }
  const openReports = (): ReportPools => ({
    exportPool: open('reports', { url, max: concurrency + 2 }),
    customPool: custom,
  })
  const openEstimates = (): ReportPools => ({
    exportPool: open('estimates', { url, isReadOnly: true, ...limits(2, 2_000) }),
    customPool: customUrl
      ? open('own estimates', { url: customUrl, isForeign: true, ...limits(2, 2_000) })
      : null,
  })

  const customUrl = reports ? (reports.databaseUrl ?? (await ensureReader(url))) : null
  const custom = customUrl
    ? open('own reports', { url: customUrl, max: concurrency + 2, isForeign: true })
    : null
  return {
    /** For requests, whose statements are short. */
    requests: open('requests', { url, max: 10, connectMilliseconds: 5_000, statementMilliseconds: 30_000 }),
    /** For `/ready` and `/metrics`: those of requests may all be in use. */
    probes: open('probes', { url, ...limits(2, 1_000) }),
    /** For custom reports, of their login; null when there are none. */
    custom,
    /** For the queries of reports, which may take as long as they take; null in a process that runs none. */
    reports: role === 'gateway' ? null : openReports(),
    /** For counting rows, which neither takes the connections of requests nor goes on for ever; null without clients. */
    estimates: role === 'worker' ? null : openEstimates(),
  }
}

function limits(max: number, milliseconds: number) {
  return { max, connectMilliseconds: milliseconds, statementMilliseconds: milliseconds }
}

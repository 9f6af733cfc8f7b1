import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { createPool, createPoolCloser, type PoolOptions } from '../postgres/client.ts'
import { shareFairly } from '../postgres/fair-pool.ts'
import { ensureReader } from '../reports/custom/login.ts'
import type { ReportPools } from '../reports/report-type.ts'

/** All connections to Postgres except those of the queue and of the wake-ups. */
export type Pools = Awaited<ReturnType<typeof openPools>>

// Closing waits for queries to end, but not for a server that does not answer.
const waitMilliseconds = 1_000

/**
 * Opens the pools of a process.
 *
 * @param url address of the database
 * @param closers receives a closer for each pool
 * @throws ConfigurationError when no login for custom reports can be created
 */
export async function openPools(
  { role, concurrency, reports }: Config,
  url: string,
  logger: Logger,
  closers: AsyncDisposableStack,
) {
  const open = (name: string, options: Omit<PoolOptions, 'applicationName' | 'onError'>): Pool => {
    const onError = (error: unknown): void =>
      logger.error({ err: error }, 'An idle connection to Postgres broke.')
    const pool = createPool({ ...options, applicationName: `report-gateway ${name}`, onError })
    const close = createPoolCloser(pool)
    closers.defer(() => close(waitMilliseconds))
    return pool
  }
  const openReports = (): ReportPools => ({
    exportPool: open('reports', { url, max: concurrency + 2 }),
    customPool: custom,
  })
  const openEstimates = (): ReportPools => ({
    exportPool: shareFairly(open('estimates', { url, isReadOnly: true, ...limits(2, 2_000) })),
    customPool: customUrl
      ? shareFairly(open('custom estimates', { url: customUrl, isForeign: true, ...limits(2, 2_000) }))
      : null,
  })

  const customUrl = reports ? (reports.databaseUrl ?? (await ensureReader(url))) : null
  const custom = customUrl
    ? open('custom reports', { url: customUrl, max: concurrency + 2, isForeign: true })
    : null
  return {
    /** For requests, whose statements are short. */
    requests: shareFairly(
      open('requests', { url, max: 10, connectMilliseconds: 5_000, statementMilliseconds: 30_000 }),
    ),
    /** For `/ready` and `/metrics`, because the connections for requests can all be in use. */
    probes: open('probes', { url, ...limits(2, 1_000) }),
    /** For custom reports, with their login; null when there are none. */
    custom,
    /** For the queries of reports, without a time limit; null in a process that runs no reports. */
    reports: role === 'gateway' ? null : openReports(),
    /** For row estimates: time-limited, and separate from requests; null in a process that serves no clients. */
    estimates: role === 'worker' ? null : openEstimates(),
  }
}

function limits(max: number, milliseconds: number) {
  return { max, connectMilliseconds: milliseconds, statementMilliseconds: milliseconds }
}

import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { checkReplica } from '../postgres/check-replica.ts'
import { createPool, createPoolCloser, type PoolOptions } from '../postgres/client.ts'
import { shareFairly } from '../postgres/fair-pool.ts'
import { openReader } from '../reports/custom/login.ts'
import type { ConnectionShares } from './connection-shares.ts'

/** All connections to Postgres except those of the queue and of the wake-ups. */
export type Pools = Awaited<ReturnType<typeof openPools>>

// Closing waits for queries to end, but not for a server that does not answer.
const waitMilliseconds = 1_000

type OpenOptions = {
  config: Pick<Config, 'reports' | 'replica'>
  shares: ConnectionShares
  /** Address of the database. */
  url: string
  logger: Logger
  /** Receives a closer for each pool. */
  closers: AsyncDisposableStack
}

/**
 * Opens the pools of a process.
 *
 * @throws ConfigurationError when the login for custom reports or the replica cannot be used
 */
export async function openPools({ config: { reports, replica }, shares, url, logger, closers }: OpenOptions) {
  const open = (name: string, options: Omit<PoolOptions, 'applicationName' | 'onError'>): Pool => {
    const onError = (error: unknown): void =>
      logger.error({ err: error }, 'An idle connection to Postgres broke.')
    const pool = createPool({ ...options, applicationName: `report-gateway ${name}`, onError })
    const close = createPoolCloser(pool)
    closers.defer(() => close(waitMilliseconds))
    return pool
  }
  const warn = (message: string): void => logger.warn(message)
  if (replica) await checkReplica(replica.url, url, warn)
  const ledgerUrl = replica?.url ?? url
  const customUrl = reports ? await openReader(reports.databaseUrl, async () => url) : null
  const openCustom = (name: string, max: number, limits = {}): Pool | null =>
    customUrl && max > 0 ? open(name, { url: customUrl, isForeign: true, max, ...limits }) : null
  const custom = openCustom('custom reports', shares.custom)
  const customEstimates = openCustom('custom estimates', shares.customEstimates, limits(2_000))
  return {
    /** For requests, whose statements are short. */
    requests: shareFairly(
      open('requests', {
        url,
        max: shares.requests,
        connectMilliseconds: 5_000,
        statementMilliseconds: 30_000,
      }),
    ),
    /** For `/ready` and `/metrics`, because the connections for requests can all be in use. */
    probes: open('probes', { url, max: shares.probes, ...limits(1_000) }),
    /** For `/ready`; null when reports read the primary. */
    replicaProbes:
      replica && open('replica probes', { url: replica.url, isReadOnly: true, max: 1, ...limits(1_000) }),
    /** For checking custom reports, with their login; null when there are none. */
    custom: custom ?? customEstimates,
    /** For the queries of reports, without a time limit; null in a process that runs no reports. */
    reports:
      shares.reports > 0
        ? {
            exportPool: open('reports', { url: ledgerUrl, isReadOnly: true, max: shares.reports }),
            customPool: custom,
          }
        : null,
    /** For row estimates: time-limited, and separate from requests; null in a process that serves no clients. */
    estimates:
      shares.estimates > 0
        ? {
            exportPool: shareFairly(
              open('estimates', {
                url: ledgerUrl,
                isReadOnly: true,
                max: shares.estimates,
                ...limits(2_000),
              }),
            ),
            customPool: customEstimates && shareFairly(customEstimates),
          }
        : null,
  }
}

/** The pools of a process by the names under which metrics show them. */
export function poolsByName({ requests, probes, replicaProbes, reports, estimates }: Pools) {
  return {
    requests,
    probes,
    ...(replicaProbes && { 'replica probes': replicaProbes }),
    ...(reports && { reports: reports.exportPool }),
    ...(reports?.customPool && { 'custom reports': reports.customPool }),
    ...(estimates && { estimates: estimates.exportPool }),
    ...(estimates?.customPool && { 'custom estimates': estimates.customPool }),
  }
}

function limits(milliseconds: number) {
  return { connectMilliseconds: milliseconds, statementMilliseconds: milliseconds }
}

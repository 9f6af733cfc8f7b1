import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { createPool, createPoolCloser, type PoolOptions } from '../postgres/client.ts'
import type { AnyReportType } from '../reports/report-type.ts'
import type { Operations } from './operations.ts'

/** What a role is opened with. What it opens it hands to `closers`, which close the last first. */
export type Opening = {
  config: Config
  logger: Logger
  onProgress: (message: string) => void
  reportTypes: readonly AnyReportType[]
  now: () => Date
  /** Ends the opening. */
  signal: AbortSignal
  operations: Operations
  closers: AsyncDisposableStack
}

// Closing waits for what ends by itself, but not for a server that does not answer.
const poolPatienceMilliseconds = 1_000

/** Opens connections that are closed with the role. */
export function openPool(
  { logger, closers }: Opening,
  name: string,
  options: Omit<PoolOptions, 'applicationName' | 'onError'>,
): Pool {
  const onError = (error: unknown): void => logger.error({ err: error }, 'A connection that was idle broke.')
  const pool = createPool({ ...options, applicationName: `report-gateway ${name}`, onError })
  const close = createPoolCloser(pool)
  closers.defer(() => close(poolPatienceMilliseconds))
  return pool
}

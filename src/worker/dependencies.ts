import type { Transaction } from '../postgres/client.ts'
import type { RetryOptions } from '../postgres/outage.ts'
import type { ReportPools } from '../reports/report-type.ts'
import type { Services } from '../runs/services.ts'

export type WorkerServices = ReportPools &
  Pick<
    Services,
    'prisma' | 'wakeUp' | 'hub' | 'catalog' | 'storage' | 'metrics' | 'tracing' | 'logger' | 'now'
  > & {
    /** How long a run of a built-in report waits for the replica of `exportPool`; null when that is the primary. */
    replicaSeconds: number | null
  }

export type WorkLimits = {
  /** Maximum number of runs of one account and mode that all workers together work on at once. */
  accountConcurrency: number
  /** Maximum number of times a run starts. The run fails when each start has lost its worker, data source or storage. */
  runAttempts: number
}

/** Dependencies of the work on runs. `tryLastAttempt`: see createLastAttempt. */
export type RunWork = WorkerServices & { limits: WorkLimits; tryLastAttempt: () => (() => void) | null }

/** A job that this worker has taken from the queue. */
export type RunClaim = {
  runId: string
  /** True when this worker still owns the job; the answer holds until the transaction ends. */
  isHeld: (tx: Transaction) => Promise<boolean>
  /** Aborts when this worker no longer owns the job. */
  lost: AbortSignal
  /** Aborts when this worker must hand its runs back. */
  stopping: AbortSignal
}

/**
 * How the work on a job ended: the run has ended or belongs to another worker (ENDED), the run must wait for its turn
 * (WAITS), its data source or storage was lost (LOST), or this worker is stopping and handed the run back (HANDED_BACK).
 * After every outcome but ENDED, the job must go back into the queue.
 */
export type Outcome = 'ENDED' | 'WAITS' | 'LOST' | 'HANDED_BACK'

/** A worker retries during a database outage until it must stop or loses its job, and then once more. */
export function retryOptions(
  { logger }: Pick<Services, 'logger'>,
  { stopping, lost }: Pick<RunClaim, 'stopping' | 'lost'>,
): RetryOptions {
  return {
    signal: AbortSignal.any([stopping, lost]),
    logger,
    failureMessage: 'A worker cannot reach the database.',
    triesOnceMore: true,
  }
}

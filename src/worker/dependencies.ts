import type { Transaction } from '../postgres/client.ts'
import type { RetryOptions } from '../postgres/outage.ts'
import type { ReportPools } from '../reports/report-type.ts'
import type { Services } from '../runs/services.ts'

export type WorkerServices = ReportPools &
  Pick<Services, 'prisma' | 'wakeUp' | 'hub' | 'catalog' | 'storage' | 'metrics' | 'logger' | 'now'>

export type WorkLimits = {
  /** Runs of one account and mode that are worked on at once, by all workers together. */
  accountConcurrency: number
  /** How often a run is begun before the loss of its worker, its source or its store fails it. */
  runAttempts: number
}

/** What it takes to work on runs. `tryLastAttempt`: see createLastAttempt. */
export type RunWork = WorkerServices & { limits: WorkLimits; tryLastAttempt: () => (() => void) | null }

/** One job as it was taken from the queue. */
export type RunClaim = {
  runId: string
  /** True when the job still is this worker's; it stays so until the transaction ends. */
  isHeld: (tx: Transaction) => Promise<boolean>
  /** Aborts when the job is not this worker's any more. */
  lost: AbortSignal
  /** Aborts when this worker has to hand its runs back. */
  stopping: AbortSignal
}

/**
 * What became of a job: the run has ended or is with another worker, it has to wait for its turn, its source or store was
 * lost, or this worker handed it back in order. In all but the first case the job has to go back into the queue.
 */
export type Outcome = 'ENDED' | 'WAITS' | 'LOST' | 'HANDED_BACK'

/** How a worker waits for the database: until it has to stop or its job went to another, and then once more. */
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

import type { Transaction } from '../postgres/client.ts'
import type { ReportRun } from '../postgres/generated/prisma/client.ts'
import { endLate, isLate } from '../runs/lifecycle/deadlines.ts'
import { isFinal, transition } from '../runs/lifecycle/transition.ts'
import { runFolder } from '../storage/file.ts'
import type { Outcome, RunClaim, RunWork } from './dependencies.ts'
import { WorkerLostError } from './failure.ts'
import { finishCanceled, finishFailed, removeOrWarn } from './finish-run.ts'

/**
 * Claims a run under a new execution number. The claim precedes any work, so that a later crash is already counted.
 *
 * @param earlier the run as the previous call read it, when the run changed before that call could claim it
 * @returns the run, and `release`, which the caller must call when the work is over; an outcome when there is no work
 */
export async function claimRun(
  deps: RunWork,
  claim: RunClaim,
  earlier?: ReportRun,
): Promise<{ run: ReportRun; release: () => void } | Outcome> {
  const run = await deps.prisma.reportRun.findUnique({ where: { id: claim.runId } })
  if (!run) return 'ENDED'
  if (earlier && earlier.execution !== run.execution) return 'ENDED'
  if (await endWithoutWork(deps, run)) return 'ENDED'

  const losses = lossesOf(run)
  const isLast = losses > 0 && losses === deps.limits.runAttempts - 1
  const release = isLast ? deps.tryLastAttempt() : () => {}
  if (!release) return 'WAITS'
  try {
    // Listed before the claim: these files cannot belong to a later worker, so they can be removed at any time.
    const leftovers = await listLeftovers(deps, run)
    const startedAt = run.startedAt ?? deps.now()
    const timeout = run.timeoutMilliseconds
    let refusal: Outcome | null = null
    const claimed = await transition(deps, {
      runId: run.id,
      from: run.status,
      to: 'RUNNING',
      execution: run.execution,
      data: {
        execution: run.execution + 1,
        lostExecutions: losses,
        isHandedBack: false,
        startedAt,
        deadlineAt: timeout === null ? null : new Date(startedAt.getTime() + Number(timeout)),
      },
      allows: async (tx) => {
        if (!(await claim.isHeld(tx))) refusal = 'ENDED'
        else if (run.status === 'PENDING' && !(await isWithinLimit(deps, tx, run))) refusal = 'WAITS'
        return refusal === null
      },
    })
    if (claimed) {
      await removeOrWarn(deps, claimed, leftovers)
      return { run: claimed, release }
    }
    release()
    // The run has changed, perhaps to CANCELING: then only this worker can end it.
    return refusal ?? claimRun(deps, claim, run)
  } catch (error) {
    release()
    throw error
  }
}

/**
 * Creates a lock that lets one run at a time have its last attempt in this process. Taking the lock returns a function
 * that releases it, or null while another run holds it. A report that kills its process also interrupts the other reports
 * of that process. Without the lock, several runs could lose their last attempt because of one of them.
 */
export function createLastAttempt(): RunWork['tryLastAttempt'] {
  let isTaken = false
  return () => {
    if (isTaken) return null
    isTaken = true
    return () => {
      isTaken = false
    }
  }
}

/** Losses so far. A RUNNING run that no worker has handed back has just lost its worker, which counts too. */
function lossesOf(run: ReportRun): number {
  return run.lostExecutions + (run.status === 'RUNNING' && !run.isHandedBack ? 1 : 0)
}

/** Ends a run that needs no more work; returns false when the run still needs work. */
async function endWithoutWork(deps: RunWork, run: ReportRun): Promise<boolean> {
  if (run.status === 'SUCCEEDED') return true
  const removeAll = (): Promise<void> => removeOrWarn(deps, run, [runFolder(run)])
  const losses = lossesOf(run)
  if (isFinal(run.status)) {
    // Another process ended the run while its worker was gone. No result can follow, so all its files can be removed.
    await removeAll()
  } else if (run.status === 'CANCELING') {
    // The previous worker was lost before it could cancel the run.
    await removeAll()
    await finishCanceled(deps, run)
  } else if (isLate(run, deps.now())) {
    if (await endLate(deps, run)) await removeAll()
  } else if (losses >= deps.limits.runAttempts) {
    if (await finishFailed(deps, run, new WorkerLostError(losses))) await removeAll()
  } else return false
  return true
}

/**
 * Lists the files of earlier executions. A failure of the storage must not block the run: files that are not removed now
 * are removed with the run's folder.
 */
async function listLeftovers(deps: RunWork, run: ReportRun): Promise<string[]> {
  if (run.execution === 0) return []
  try {
    return await deps.storage.list(runFolder(run))
  } catch (error) {
    deps.logger.warn({ err: error, runId: run.id }, 'The leftover files of a run could not be listed.')
    return []
  }
}

/** True while the number of active runs of the account and mode is within the limit. */
async function isWithinLimit(deps: RunWork, tx: Transaction, run: ReportRun): Promise<boolean> {
  const { accountId, livemode } = run
  const activeRuns = await tx.reportRun.count({
    where: { accountId, livemode, status: { in: ['RUNNING', 'CANCELING'] } },
  })
  return activeRuns <= deps.limits.accountConcurrency
}

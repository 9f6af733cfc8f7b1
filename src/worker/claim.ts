import type { Transaction } from '../postgres/client.ts'
import type { ReportRun } from '../postgres/generated/prisma/client.ts'
import { endLate, isLate } from '../runs/lifecycle/deadlines.ts'
import { isFinal, transition } from '../runs/lifecycle/transition.ts'
import { runFolder } from '../storage/file.ts'
import type { Outcome, RunClaim, RunWork } from './dependencies.ts'
import { WorkerLostError } from './failure.ts'
import { finishCanceled, finishFailed, removeOrWarn } from './finish-run.ts'

/**
 * Claims a run under a new execution number, before any work: what comes after can end the process at any time, and is
 * counted already.
 *
 * @param earlier the run as it was found before, when it changed in the meantime
 * @returns the run, and what is to be called when the work on it is over
 */
export async function claimRun(
  deps: RunWork,
  claim: RunClaim,
  earlier?: ReportRun,
): Promise<{ run: ReportRun; release: () => void } | Outcome> {
  const run = await deps.prisma.reportRun.findUnique({ where: { id: claim.runId } })
  if (!run) return 'ENDED'
  if (earlier && earlier.execution !== run.execution) return 'ENDED'
  if (await endInstead(deps, run)) return 'ENDED'

  const losses = lossesOf(run)
  const isLast = losses > 0 && losses === deps.limits.runAttempts - 1
  const release = isLast ? deps.tryLastAttempt() : () => {}
  if (!release) return 'WAITS'
  try {
    // Listed before the claim: what is there now cannot be of a later worker, so it may be removed at any time.
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
    // Asked to stop just now, perhaps: then only this worker can end it.
    return refusal ?? claimRun(deps, claim, run)
  } catch (error) {
    release()
    throw error
  }
}

/**
 * Lets one run at a time have its last attempt in this process: gives a function that ends the turn, or null while another
 * run has it. A report that kills its process takes the others of that process with it. So that those do not fail with it,
 * runs whose next loss would be their end never run beside each other: each can only lose its last attempt by itself.
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

/** Losses so far; a run found RUNNING that no worker has handed back was lost just now. */
function lossesOf(run: ReportRun): number {
  return run.lostExecutions + (run.status === 'RUNNING' && !run.isHandedBack ? 1 : 0)
}

/** Ends a run of which there is nothing to make any more; false when there is. */
async function endInstead(deps: RunWork, run: ReportRun): Promise<boolean> {
  if (run.status === 'SUCCEEDED') return true
  const removeAll = (): Promise<void> => removeOrWarn(deps, run, [runFolder(run)])
  const losses = lossesOf(run)
  if (isFinal(run.status)) {
    // It was ended while its worker was away. No result can come any more, so all of it may go.
    await removeAll()
  } else if (run.status === 'CANCELING') {
    // Its earlier worker went away before it could stop.
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
 * What earlier executions left behind. A store that cannot say must not block the run: what is not removed now goes
 * with the run's folder.
 */
async function listLeftovers(deps: RunWork, run: ReportRun): Promise<string[]> {
  if (run.execution === 0) return []
  try {
    return await deps.storage.list(runFolder(run))
  } catch (error) {
    deps.logger.warn({ err: error, runId: run.id }, 'What a run left behind could not be listed.')
    return []
  }
}

/** True while the account and mode have no more runs at once than they may. */
async function isWithinLimit(deps: RunWork, tx: Transaction, run: ReportRun): Promise<boolean> {
  const { accountId, livemode } = run
  const atOnce = await tx.reportRun.count({
    where: { accountId, livemode, status: { in: ['RUNNING', 'CANCELING'] } },
  })
  return atOnce <= deps.limits.accountConcurrency
}

import type { ReportRun } from '../postgres/generated/prisma/client.ts'
import { transition } from '../runs/lifecycle/transition.ts'
import { fileEnding } from '../storage/file.ts'
import type { CopiedFile, CopyResult, PlannedFile } from './copy.ts'
import type { WorkerDependencies } from './dependencies.ts'
import { describeFailure } from './failure.ts'

/** Null when the run was not asked to stop, or is another worker's. */
export function finishCanceled(deps: WorkerDependencies, run: ReportRun): Promise<ReportRun | null> {
  return transition(deps, {
    runId: run.id,
    from: 'CANCELING',
    to: 'CANCELED',
    execution: run.execution,
    data: endOfRun(run, deps.now()),
  })
}

/** Null when the run has ended already, or is another worker's. */
export async function finishFailed(
  deps: WorkerDependencies,
  run: ReportRun,
  error: unknown,
): Promise<ReportRun | null> {
  const failure = describeFailure(error, run.traceId ?? undefined)
  const failed = await transition(deps, {
    runId: run.id,
    from: 'RUNNING',
    to: 'FAILED',
    execution: run.execution,
    data: { ...failure, ...endOfRun(run, deps.now()) },
  })
  const context = { err: error, runId: run.id, accountId: run.accountId, traceId: failure.traceId }
  if (failed) deps.logger.error(context, 'A report failed.')
  else
    deps.logger.info(context, 'A report was given up, because the run has ended or is with another worker.')
  return failed
}

/** Null when the run was asked to stop, has ended, or is another worker's; then there is no result. */
export async function finishSucceeded(
  deps: WorkerDependencies,
  run: ReportRun,
  { files, rowCount, isPartial, dataAsOf }: CopyResult,
): Promise<ReportRun | null> {
  const at = deps.now()
  return transition(deps, {
    runId: run.id,
    from: 'RUNNING',
    to: 'SUCCEEDED',
    execution: run.execution,
    data: {
      ...endOfRun(run, at),
      expiresAt: new Date(at.getTime() + Number(run.retentionMilliseconds)),
      rowCount,
      byteSize: files.reduce((sum, { byteSize }) => sum + byteSize, 0n),
      isPartial,
      dataAsOf,
      rowsWritten: rowCount,
      rowsExpected: rowCount,
      percent: 100,
      stage: 'Done',
      measuredAt: at,
    },
    also: (tx) => tx.reportFile.createMany({ data: files.map((file) => fileRow(run, file, at)) }),
  })
}

/**
 * Notes that this execution was given up, so that the next one counts no loss by itself.
 *
 * @param losses losses of the run, this one included when it is one
 * @returns false when the run is not this worker's any more, or has ended
 */
export async function markHandedBack(
  { prisma }: WorkerDependencies,
  { id, execution }: ReportRun,
  losses: number,
): Promise<boolean> {
  const { count } = await prisma.reportRun.updateMany({
    where: { id, execution, status: 'RUNNING' },
    data: { isHandedBack: true, lostExecutions: losses },
  })
  return count > 0
}

/** What cannot be removed must not keep a run from its end. */
export async function removeOrWarn(
  deps: WorkerDependencies,
  run: ReportRun,
  keys: readonly string[],
): Promise<void> {
  for (const key of keys) {
    try {
      await deps.storage.remove(key)
    } catch (error) {
      deps.logger.warn({ err: error, runId: run.id, key }, 'What a run left behind could not be removed.')
    }
  }
}

/**
 * Removes the files of a run that was given up. They may be the result all the same, when the run succeeded and only the
 * answer to the commit was lost; so this comes after the last attempt to change the run.
 */
export async function removeUnlessResult(
  deps: WorkerDependencies,
  run: ReportRun,
  files: readonly PlannedFile[],
): Promise<void> {
  // All of them are the result, or none is.
  const isResult = await deps.prisma.reportFile.findFirst({
    where: { id: { in: files.map(({ id }) => id) } },
    select: { id: true },
  })
  const keys = files.map(({ key }) => key)
  if (!isResult) await removeOrWarn(deps, run, keys)
}

function endOfRun(run: ReportRun, now: Date) {
  return {
    finishedAt: now,
    // Never negative: it may have been started by the clock of another machine.
    runMilliseconds: BigInt(Math.max(0, now.getTime() - (run.startedAt ?? now).getTime())),
    estimatedFinishAt: null,
  }
}

function fileRow(run: ReportRun, { key: _, ...file }: CopiedFile, createdAt: Date) {
  return {
    ...file,
    runId: run.id,
    accountId: run.accountId,
    livemode: run.livemode,
    filename: `${run.id}${fileEnding(file)}`,
    createdAt,
  }
}

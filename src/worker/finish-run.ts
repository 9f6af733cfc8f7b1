import type { ReportRun } from '../postgres/generated/prisma/client.ts'
import { type Transition, transition } from '../runs/lifecycle/transition.ts'
import { fileEnding } from '../storage/file.ts'
import { tenantOf } from '../tenant.ts'
import type { CopyResult, PlannedFile } from './copy.ts'
import type { WorkerServices } from './dependencies.ts'
import { describeFailure } from './failure.ts'

/** Sets the run to CANCELED. Returns null when no cancellation was requested, or another worker owns the run. */
export function finishCanceled(deps: WorkerServices, run: ReportRun): Promise<ReportRun | null> {
  return finish(deps, run, { from: 'CANCELING', to: 'CANCELED' })
}

/** Sets the run to FAILED and logs the error. Returns null when the run has ended, or another worker owns it. */
export async function finishFailed(
  deps: WorkerServices,
  run: ReportRun,
  error: unknown,
): Promise<ReportRun | null> {
  const data = describeFailure(error, run.traceId ?? undefined)
  const failed = await finish(deps, run, { from: 'RUNNING', to: 'FAILED', data })
  const context = { err: error, runId: run.id, accountId: run.accountId, traceId: data.traceId }
  if (failed) deps.logger.error(context, 'A report failed.')
  else
    deps.logger.info(
      context,
      'A report was abandoned, because its run has ended or belongs to another worker.',
    )
  return failed
}

/**
 * Sets the run to SUCCEEDED and stores its result. Returns null, and stores no result, when the run is being canceled, has
 * ended, or belongs to another worker.
 */
export function finishSucceeded(
  deps: WorkerServices,
  run: ReportRun,
  { files, rowCount, isPartial, dataAsOf }: CopyResult,
): Promise<ReportRun | null> {
  const at = deps.now()
  const success: Parameters<typeof finish>[2] = {
    from: 'RUNNING',
    to: 'SUCCEEDED',
    data: {
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
    also: (tx) =>
      tx.reportFile.createMany({
        data: files.map(({ key: _, ...file }) => ({
          ...file,
          ...tenantOf(run),
          runId: run.id,
          filename: `${run.id}${fileEnding(file)}`,
          createdAt: at,
        })),
      }),
  }
  return finish(deps, run, success, at)
}

/**
 * Records that this execution was abandoned, so that the next one does not count it as a loss.
 *
 * @param losses losses of the run, including this execution when it counts as one
 * @returns false when the run has ended, or another worker owns it
 */
export async function markHandedBack(
  { prisma }: WorkerServices,
  { id, execution }: ReportRun,
  losses: number,
): Promise<boolean> {
  const { count } = await prisma.reportRun.updateMany({
    where: { id, execution, status: 'RUNNING' },
    data: { isHandedBack: true, lostExecutions: losses },
  })
  return count > 0
}

/** Removes files; failing to remove leftovers must not block the run. */
export async function removeOrWarn(
  deps: WorkerServices,
  run: ReportRun,
  keys: readonly string[],
): Promise<void> {
  for (const key of keys) {
    try {
      await deps.storage.remove(key)
    } catch (error) {
      deps.logger.warn({ err: error, runId: run.id, key }, 'A leftover file of a run could not be removed.')
    }
  }
}

/**
 * Removes the files of an abandoned execution, unless they are the run's result: the run may have succeeded, and only the
 * response to the commit was lost. Call this after the last attempt to change the run.
 */
export async function discardFiles(
  deps: WorkerServices,
  run: ReportRun,
  files: readonly PlannedFile[],
): Promise<void> {
  // Either all of them are the result, or none is.
  const isResult = await deps.prisma.reportFile.findFirst({
    where: { id: { in: files.map(({ id }) => id) } },
    select: { id: true },
  })
  const keys = files.map(({ key }) => key)
  if (!isResult) await removeOrWarn(deps, run, keys)
}

function finish(
  deps: WorkerServices,
  { id: runId, execution, startedAt }: ReportRun,
  { data, ...change }: Pick<Transition, 'from' | 'to' | 'data' | 'also'>,
  finishedAt = deps.now(),
): Promise<ReportRun | null> {
  // Never negative: the start time can come from the clock of another machine.
  const milliseconds = Math.max(0, finishedAt.getTime() - (startedAt ?? finishedAt).getTime())
  const end = { finishedAt, runMilliseconds: BigInt(milliseconds), estimatedFinishAt: null }
  return transition(deps, { ...change, runId, execution, data: { ...data, ...end } })
}

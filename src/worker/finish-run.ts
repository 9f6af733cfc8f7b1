import type { ReportRun } from '../postgres/generated/prisma/client.ts'
import { type Transition, transition } from '../runs/lifecycle/transition.ts'
import { fileEnding } from '../storage/file.ts'
import { tenantOf } from '../tenant.ts'
import type { CopyResult, PlannedFile } from './copy.ts'
import type { WorkerServices } from './dependencies.ts'
import { describeFailure } from './failure.ts'

/** Null when the run was not asked to stop, or is another worker's. */
export function finishCanceled(deps: WorkerServices, run: ReportRun): Promise<ReportRun | null> {
  return finish(deps, run, { from: 'CANCELING', to: 'CANCELED' })
}

/** Null when the run has ended already, or is another worker's. */
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
    deps.logger.info(context, 'A report was given up, because the run has ended or is with another worker.')
  return failed
}

/** Null when the run was asked to stop, has ended, or is another worker's; then there is no result. */
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
 * Notes that this execution was abandoned, so that the next one counts no loss by itself.
 *
 * @param losses losses of the run, this one included when it is one
 * @returns false when the run is not this worker's any more, or has ended
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

/** Failing to remove leftovers must not block the run. */
export async function removeOrWarn(
  deps: WorkerServices,
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
 * Removes the files of a run that was abandoned. They may be the result all the same, when the run succeeded and only the
 * answer to the commit was lost; so this comes after the last attempt to change the run.
 */
export async function discardFiles(
  deps: WorkerServices,
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

function finish(
  deps: WorkerServices,
  { id: runId, execution, startedAt }: ReportRun,
  { data, ...change }: Pick<Transition, 'from' | 'to' | 'data' | 'also'>,
  finishedAt = deps.now(),
): Promise<ReportRun | null> {
  // Never negative: it may have been started by the clock of another machine.
  const milliseconds = Math.max(0, finishedAt.getTime() - (startedAt ?? finishedAt).getTime())
  const end = { finishedAt, runMilliseconds: BigInt(milliseconds), estimatedFinishAt: null }
  return transition(deps, { ...change, runId, execution, data: { ...data, ...end } })
}

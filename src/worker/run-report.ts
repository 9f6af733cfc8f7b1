import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { ReportRun } from '../database/generated/prisma/client.ts'
import type { Hub } from '../events/hub.ts'
import { fileKey, runFolder } from '../files/file-key.ts'
import type { Storage } from '../files/storage.ts'
import { idPrefixes, newId } from '../ids.ts'
import { checkParameters } from '../reports/check-parameters.ts'
import { renderReport } from '../reports/render.ts'
import type { RunDependencies } from '../runs/dependencies.ts'
import { isFinal } from '../runs/status.ts'
import { transition } from '../runs/transition.ts'
import { type CopyResult, copyReport } from './copy.ts'
import { describeFailure } from './failure.ts'
import { startProgress } from './progress.ts'

export type WorkerDependencies = Pick<RunDependencies, 'prisma' | 'wakeUp' | 'catalog' | 'now'> & {
  hub: Hub
  storage: Storage
  /** Connections for the reports' own queries. */
  exportPool: Pool
  log: Logger
}

const fileEndings = { NONE: '.csv', GZIP: '.csv.gz', ZSTD: '.csv.zst' } as const

/** Takes a run up under a new execution number; null when there is nothing left to do for it. */
const takeUp = async (deps: WorkerDependencies, runId: string): Promise<ReportRun | null> => {
  const run = await deps.prisma.reportRun.findUnique({ where: { id: runId } })
  if (!run || isFinal(run.status)) return null
  if (run.status === 'CANCELING') {
    // Its earlier worker went away before it could stop.
    await deps.storage.remove(runFolder(run))
    await finishCanceled(deps, run)
    return null
  }
  return transition(deps, {
    runId,
    from: run.status,
    to: 'RUNNING',
    execution: run.execution,
    data: { execution: run.execution + 1, startedAt: run.startedAt ?? deps.now() },
  })
}

const endOfRun = (run: ReportRun, now: Date) => ({
  finishedAt: now,
  runMilliseconds: BigInt(now.getTime() - (run.startedAt ?? now).getTime()),
  estimatedFinishAt: null,
})

const finishCanceled = (deps: WorkerDependencies, run: ReportRun): Promise<ReportRun | null> =>
  transition(deps, {
    runId: run.id,
    from: 'CANCELING',
    to: 'CANCELED',
    execution: run.execution,
    data: endOfRun(run, deps.now()),
  })

const finishFailed = async (deps: WorkerDependencies, run: ReportRun, error: unknown): Promise<void> => {
  const failure = describeFailure(error)
  deps.log.error(
    { err: error, runId: run.id, accountId: run.accountId, traceId: failure.traceId },
    'A report failed.',
  )
  await transition(deps, {
    runId: run.id,
    from: 'RUNNING',
    to: 'FAILED',
    execution: run.execution,
    data: { ...failure, ...endOfRun(run, deps.now()) },
  })
}

const finishSucceeded = async (
  deps: WorkerDependencies,
  run: ReportRun,
  fileId: string,
  { rowCount, dataAsOf, byteSize, sha256 }: CopyResult,
): Promise<ReportRun | null> => {
  const at = deps.now()
  return transition(deps, {
    runId: run.id,
    from: 'RUNNING',
    to: 'SUCCEEDED',
    execution: run.execution,
    data: {
      ...endOfRun(run, at),
      rowCount,
      byteSize,
      dataAsOf,
      rowsWritten: rowCount,
      rowsExpected: rowCount,
      percent: 100,
      stage: 'Done',
      measuredAt: at,
    },
    also: (tx) =>
      tx.reportFile.create({
        data: {
          id: fileId,
          runId: run.id,
          accountId: run.accountId,
          livemode: run.livemode,
          filename: `${run.id}${fileEndings[run.compression]}`,
          format: 'CSV',
          compression: run.compression,
          byteSize,
          sha256,
          createdAt: at,
        },
      }),
  })
}

/** Writes the report's file, telling its progress. */
const writeFile = async (
  deps: WorkerDependencies,
  run: ReportRun,
  fileId: string,
  signal: AbortSignal,
): Promise<CopyResult> => {
  const type = deps.catalog.find(run.reportType)
  if (!type) throw new Error(`This worker does not know the report type ${run.reportType}.`)
  // The parameters were accepted when the run was created; this gives them their types back.
  const given = Object(run.parameters)
  const parameters = checkParameters(type, given, await type.availability(deps.prisma, run))
  // What an earlier worker left half-written.
  await deps.storage.remove(runFolder(run))
  const progress = startProgress(
    run,
    (data) =>
      transition(deps, { runId: run.id, from: 'RUNNING', to: 'RUNNING', execution: run.execution, data }),
    deps.now,
    (error) => deps.log.warn({ err: error, runId: run.id }, 'Progress could not be written.'),
  )
  try {
    return await copyReport({
      pool: deps.exportPool,
      storage: deps.storage,
      report: renderReport(type, run, parameters),
      key: fileKey(run, fileId),
      compression: run.compression,
      signal,
      onStart: progress.expect,
      onRows: progress.measure,
    })
  } finally {
    await progress.stop()
  }
}

/** Aborts when the run is asked to stop. */
const watchForCancel = async (
  deps: WorkerDependencies,
  run: ReportRun,
  done: AbortSignal,
): Promise<AbortSignal> => {
  const canceled = new AbortController()
  const mailbox = await deps.hub.subscribe(run, run.id, done)
  const isAsked = async (): Promise<boolean> => {
    const current = await deps.prisma.reportRun.findUnique({
      where: { id: run.id },
      select: { status: true },
    })
    return current?.status === 'CANCELING'
  }
  const watch = async (): Promise<void> => {
    let asked = await isAsked()
    while (!asked) {
      const event = await mailbox.take()
      if (event === null) return
      asked = event.toStatus === 'CANCELING'
    }
    canceled.abort()
  }
  watch().catch((error) =>
    deps.log.warn({ err: error, runId: run.id }, 'Could not watch for a cancel request.'),
  )
  return canceled.signal
}

/**
 * Runs one report to its end. It returns when the run has ended, or belongs to another worker by now.
 *
 * @param stopping aborts when this worker shuts down: the run is left RUNNING, to be taken up again
 * @throws when it was stopped by `stopping`, so that the queue gives the job to another worker
 */
export const runReport = async (
  deps: WorkerDependencies,
  runId: string,
  stopping: AbortSignal,
): Promise<void> => {
  const run = await takeUp(deps, runId)
  if (!run) return
  const done = new AbortController()
  const fileId = newId(idPrefixes.file, deps.now())
  try {
    const canceled = await watchForCancel(deps, run, done.signal)
    const result = await writeFile(deps, run, fileId, AbortSignal.any([canceled, stopping]))
    const succeeded = await finishSucceeded(deps, run, fileId, result)
    if (succeeded) return
    const isCanceled = await giveUp(deps, run)
    // Otherwise another worker has taken the run up and writes its own file.
    if (!isCanceled) await deps.storage.remove(fileKey(run, fileId))
  } catch (error) {
    stopping.throwIfAborted()
    const isCanceled = await giveUp(deps, run)
    if (!isCanceled) await finishFailed(deps, run, error)
  } finally {
    done.abort()
  }
}

/** Ends a run that was asked to stop, without a file. False when nobody asked. */
const giveUp = async (deps: WorkerDependencies, run: ReportRun): Promise<boolean> => {
  const canceled = await finishCanceled(deps, run)
  if (canceled) await deps.storage.remove(runFolder(run))
  return canceled !== null
}

import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { ReportRun, ReportRunStatus } from '../database/generated/prisma/client.ts'
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

const retryMilliseconds = 500
const fileEndings = { NONE: '.csv', GZIP: '.csv.gz', ZSTD: '.csv.zst' } as const

/**
 * Takes a run up under a new execution number; null when there is nothing left to do for it.
 *
 * @param earlier the run as it was found before, when it changed in the meantime
 */
const takeUp = async (
  deps: WorkerDependencies,
  runId: string,
  earlier?: ReportRun,
): Promise<ReportRun | null> => {
  const run = await deps.prisma.reportRun.findUnique({ where: { id: runId } })
  if (!run || isFinal(run.status)) return null
  if (earlier && earlier.execution !== run.execution) return null
  if (run.status === 'CANCELING') {
    // Its earlier worker went away before it could stop.
    await removeOrWarn(deps, run, runFolder(run))
    await finishCanceled(deps, run)
    return null
  }
  const taken = await transition(deps, {
    runId,
    from: run.status,
    to: 'RUNNING',
    execution: run.execution,
    data: { execution: run.execution + 1, startedAt: run.startedAt ?? deps.now() },
  })
  // Asked to stop just now, perhaps: then nobody but us is there to end it.
  return taken ?? takeUp(deps, runId, run)
}

/** What cannot be removed must not keep a run from its end. */
const removeOrWarn = async (deps: WorkerDependencies, run: ReportRun, key: string): Promise<void> => {
  try {
    await deps.storage.remove(key)
  } catch (error) {
    deps.log.warn({ err: error, runId: run.id, key }, 'What a run left behind could not be removed.')
  }
}

const endOfRun = (run: ReportRun, now: Date) => ({
  finishedAt: now,
  // Never negative: it may have been started by the clock of another machine.
  runMilliseconds: BigInt(Math.max(0, now.getTime() - (run.startedAt ?? now).getTime())),
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

const finishFailed = async (
  deps: WorkerDependencies,
  run: ReportRun,
  error: unknown,
): Promise<ReportRun | null> => {
  const failure = describeFailure(error)
  const failed = await transition(deps, {
    runId: run.id,
    from: 'RUNNING',
    to: 'FAILED',
    execution: run.execution,
    data: { ...failure, ...endOfRun(run, deps.now()) },
  })
  const context = { err: error, runId: run.id, accountId: run.accountId, traceId: failure.traceId }
  if (failed) deps.log.error(context, 'A report failed.')
  else deps.log.info(context, 'A report was given up, because the run has ended or is with another worker.')
  return failed
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

/** Aborts when the run is asked to stop, or was ended by others. */
const watchForCancel = async (
  deps: WorkerDependencies,
  run: ReportRun,
  done: AbortSignal,
): Promise<AbortSignal> => {
  const canceled = new AbortController()
  const mailbox = await deps.hub.subscribe(run, run.id, done)
  const currentStatus = async (): Promise<ReportRunStatus | undefined> => {
    while (true) {
      try {
        const where = { id: run.id }
        return (await deps.prisma.reportRun.findUnique({ where, select: { status: true } }))?.status
      } catch (error) {
        deps.log.warn({ err: error, runId: run.id }, 'The run could not be read; trying again.')
        await delay(retryMilliseconds, undefined, { signal: done })
      }
    }
  }
  const watch = async (): Promise<void> => {
    let status = await currentStatus()
    while (status === 'RUNNING') {
      const event = await mailbox.take()
      if (event === null) return
      status = event.toStatus
    }
    canceled.abort()
  }
  // It only fails when the run is done and nobody has to watch it any more.
  watch().catch(() => {})
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
    await finishCanceled(deps, run)
    await removeUnlessResult(deps, run, fileId)
  } catch (error) {
    stopping.throwIfAborted()
    const canceled = await finishCanceled(deps, run)
    if (!canceled) await finishFailed(deps, run, error)
    await removeUnlessResult(deps, run, fileId)
  } finally {
    done.abort()
  }
}

/**
 * Removes the file of a run that was given up. It may be the result all the same, when the run succeeded and only the
 * answer to the commit was lost; so this comes after the last attempt to change the run.
 */
const removeUnlessResult = async (
  deps: WorkerDependencies,
  run: ReportRun,
  fileId: string,
): Promise<void> => {
  const result = await deps.prisma.reportFile.findUnique({ where: { id: fileId }, select: { id: true } })
  if (!result) await removeOrWarn(deps, run, fileKey(run, fileId))
}

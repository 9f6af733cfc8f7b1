import { InputErrors } from '../errors.ts'
import { idPrefixes, newId } from '../ids.ts'
import { jsonObject } from '../json.ts'
import type { ReportRun } from '../postgres/generated/prisma/client.ts'
import { isShortage, retryDuringOutage } from '../postgres/outage.ts'
import { checkParameters } from '../reports/check-parameters.ts'
import { renderReport } from '../reports/render.ts'
import { poolOf } from '../reports/report-type.ts'
import { transition } from '../runs/lifecycle/transition.ts'
import { fileKey } from '../storage/file.ts'
import { claimRun } from './claim.ts'
import { type CopyResult, copyReport, type PlannedFile } from './copy.ts'
import {
  type Outcome,
  type RunClaim,
  type RunWork,
  retryOptions,
  type WorkerServices,
} from './dependencies.ts'
import { isTransient, MissingReportTypeError } from './failure.ts'
import { discardFiles, finishCanceled, finishFailed, finishSucceeded, markHandedBack } from './finish-run.ts'
import { type Progress, startProgress } from './progress.ts'
import { noteForReplica } from './replica.ts'

/**
 * Runs one report. The outcome determines what happens to the job. A run that has not ended stays RUNNING, and a worker
 * claims it again.
 *
 * @throws when the database cannot be reached at the start, or still cannot be reached when this worker stops
 */
export async function runReport(deps: RunWork, claim: RunClaim): Promise<Outcome> {
  const claimed = await claimRun(deps, claim)
  if (typeof claimed === 'string') return claimed
  const { run, release } = claimed
  const done = new AbortController()
  const leave = deps.metrics.runTaken(run)
  try {
    return await deps.tracing.inRun(run, () => produceReport(deps, run, claim, done.signal))
  } finally {
    leave()
    done.abort()
    release()
  }
}

/** Watches a run until `done` aborts. Calls `onEnded` when the run is being canceled, or another process has ended it. */
export async function watchRun(
  { hub, prisma, logger }: Pick<WorkerServices, 'hub' | 'prisma' | 'logger'>,
  run: ReportRun,
  onEnded: () => void,
  done: AbortSignal,
): Promise<void> {
  const latest = await hub.subscribe(run, run.id, done)
  const readState = () =>
    prisma.reportRun.findUnique({ where: { id: run.id }, select: { status: true, version: true } })
  const watch = async (): Promise<void> => {
    const readUntilDone = () =>
      retryDuringOutage(readState, {
        signal: done,
        logger: logger.child({ runId: run.id }),
        failureMessage: 'The state of a running report could not be read.',
        // Every error is retried: a report whose state cannot be read could not be canceled.
        isTransient: () => true,
      })
    let state = await readUntilDone()
    while (state?.status === 'RUNNING') {
      const entry = await latest.take()
      if (entry === null) return
      if (entry === 'CHANGED_HISTORY') {
        state = await readUntilDone()
        continue
      }
      const { toStatus: status, runVersion: version } = entry.event
      // The log can deliver events from before the claim late, such as the run's creation.
      if (version > state.version) state = { status, version }
    }
    onEnded()
  }
  // It fails only after the work is done, when there is nothing left to watch.
  watch().catch(() => {})
}

async function produceReport(
  deps: RunWork,
  run: ReportRun,
  claim: RunClaim,
  done: AbortSignal,
): Promise<Outcome> {
  const ended = new AbortController()
  const onEnded = (): void => ended.abort()
  const files = planFiles(run, deps.now())
  const retry = retryOptions(deps, claim)
  let outcome: Outcome
  try {
    await watchRun(deps, run, onEnded, done)
    const signal = AbortSignal.any([ended.signal, claim.stopping, claim.lost])
    const result = await writeFiles(deps, run, files, signal, onEnded)
    if (await finishSucceeded(deps, run, result)) return 'ENDED'
    await finishCanceled(deps, run)
    outcome = 'ENDED'
  } catch (error) {
    // The error may come from an outage of the database, which then does not answer for a while.
    outcome = await retryDuringOutage(() => abandon(deps, run, error, claim), retry)
  }
  await retryDuringOutage(() => discardFiles(deps, run, files), retry)
  return outcome
}

/** One file for each requested format, with ids that no earlier execution has used. */
function planFiles(run: ReportRun, now: Date): PlannedFile[] {
  return run.formats.map((format) => {
    const id = newId(idPrefixes.file, now)
    return { id, key: fileKey(run, id), format, compression: run.compression }
  })
}

/** Writes the report's files and its progress. Calls `onEnded` when another process has ended the run. */
async function writeFiles(
  deps: RunWork,
  run: ReportRun,
  files: readonly PlannedFile[],
  signal: AbortSignal,
  onEnded: () => void,
): Promise<CopyResult> {
  const type = deps.catalog.find(run.reportType)
  if (!type) throw new MissingReportTypeError(run.reportType)
  // The parameters were validated when the run was created; this restores their types.
  const given = jsonObject(run.parameters)
  const parameters = checkParameters(type, given, await type.availability(deps.prisma, run))
  // The data that a run has waited for can lack what the report needs.
  const errors = await type.check?.(deps.prisma, run, parameters)
  if (errors?.length) throw new InputErrors(errors)
  const waitSeconds = type.custom ? null : deps.replicaSeconds
  const replica = waitSeconds === null ? null : await noteForReplica(deps.prisma, run, waitSeconds)
  const { id: runId, execution } = run
  const writeProgress = async (data: Progress): Promise<void> => {
    const changed = await transition(deps, { runId, from: 'RUNNING', to: 'RUNNING', execution, data })
    if (!changed) onEnded()
  }
  const report = renderReport(type, run, parameters)
  const progress = startProgress(run, writeProgress, deps.now, deps.logger.child({ runId }))
  try {
    return await copyReport({
      pool: poolOf(deps, type),
      replica,
      storage: deps.storage,
      // Only CSV files have a header.
      report: run.byteOrderMark ? { ...report, header: `\ufeff${report.header}` } : report,
      files,
      signal,
      onExpect: progress.expect,
      onRows: progress.measure,
    })
  } finally {
    await progress.stop()
  }
}

/** Decides what happens to a run whose report was not completed. */
async function abandon(
  deps: RunWork,
  run: ReportRun,
  error: unknown,
  { stopping, lost }: RunClaim,
): Promise<Outcome> {
  if (await finishCanceled(deps, run)) return 'ENDED'
  if (stopping.aborted || lost.aborted) {
    return (await markHandedBack(deps, run, run.lostExecutions)) ? 'HANDED_BACK' : 'ENDED'
  }
  // That no connection is free is not the fault of the report, so the attempt does not count.
  const losses = run.lostExecutions + (isShortage(error) ? 0 : 1)
  if (!isTransient(error) || losses >= deps.limits.runAttempts) {
    await finishFailed(deps, run, error)
    return 'ENDED'
  }
  if (!(await markHandedBack(deps, run, losses))) return 'ENDED'
  const { id: runId, accountId } = run
  deps.logger.warn(
    { err: error, runId, accountId, losses },
    'A report lost its data source or its storage; it starts again.',
  )
  return 'LOST'
}

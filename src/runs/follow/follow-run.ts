import { NotFoundError } from '../../errors.ts'
import { idPrefixes, isId } from '../../ids.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { retryDuringOutage } from '../../postgres/outage.ts'
import type { Viewer } from '../../tenant.ts'
import { isFinal } from '../lifecycle/transition.ts'
import { isVisibleTo } from '../list/find-run.ts'
import type { Services } from '../services.ts'
import { closableStream } from './closable-stream.ts'

export type FollowRunServices = Pick<Services, 'hub' | 'runLoader' | 'logger'>

/**
 * Yields the run now and after every change, and ends after the final state. A slow reader skips intermediate states, never
 * the last one. Versions always increase, unless the database continues another history, such as that of a promoted standby:
 * then the run is sent again, in its present state. A Postgres outage delays the stream but does not end it.
 *
 * @throws NotFoundError when the viewer has no such run
 */
export function followRun(
  services: FollowRunServices,
  viewer: Viewer,
  id: string,
): AsyncIterableIterator<ReportRun, void, undefined> {
  return closableStream(async function* (signal) {
    // Runs are loaded in batches: an id that Postgres cannot store would fail the whole batch.
    if (!isId(id, idPrefixes.reportRun)) throw runNotFound(id)
    const retry = <Result>(attempt: () => Promise<Result>) => retryRun(services, signal, attempt)
    const latest = await subscribeToRun(services, viewer, id, signal)
    const load = () => retry(() => services.runLoader.load(id))
    let shown = 0
    for await (const run of statesOf(latest, load, retry)) {
      if (run === 'CHANGED_HISTORY') shown = 0
      else if (!isVisibleTo(run, viewer)) throw runNotFound(id)
      else if (run.version > shown) {
        yield run
        shown = run.version
      }
    }
  })
}

/** Subscribes to the events of a run. Subscribe before loading it, so that a change in between is not lost. */
export function subscribeToRun(
  services: FollowRunServices,
  viewer: Viewer,
  id: string,
  signal: AbortSignal,
  readers?: () => number,
) {
  return retryRun(services, signal, () => services.hub.subscribe(viewer, id, signal, readers))
}

/** Makes a read of a run wait for the end of an outage. */
export function retryRun<Result>(
  { logger }: Pick<FollowRunServices, 'logger'>,
  signal: AbortSignal,
  attempt: () => Promise<Result>,
): Promise<Result> {
  return retryDuringOutage(attempt, {
    signal,
    logger,
    failureMessage: 'Failed to load a run for its followers.',
  })
}

export function runNotFound(id: string): NotFoundError {
  return new NotFoundError(`There is no report run ${JSON.stringify(id)}.`, ['id'])
}

/** The states of a run until it has ended; null when it does not exist. */
async function* statesOf(
  latest: Awaited<ReturnType<Services['hub']['subscribe']>>,
  load: () => Promise<ReportRun | null>,
  retry: <Result>(attempt: () => Promise<Result>) => Promise<Result>,
): AsyncGenerator<ReportRun | null | 'CHANGED_HISTORY', void, undefined> {
  let run = await load()
  while (true) {
    yield run
    const entry = run && isFinal(run.status) ? null : await latest.take()
    if (entry === null) return
    // In another history, the run can have an earlier version, or not exist.
    if (entry === 'CHANGED_HISTORY') yield entry
    run = entry === 'CHANGED_HISTORY' ? await load() : await retry(entry.run)
  }
}

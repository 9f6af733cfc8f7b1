import { NotFoundError } from '../../errors.ts'
import { idPrefixes, isId } from '../../ids.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { retryDuringOutage } from '../../postgres/outage.ts'
import type { Viewer } from '../../tenant.ts'
import { isFinal } from '../lifecycle/transition.ts'
import { isVisibleTo } from '../list/find-run.ts'
import type { Services } from '../services.ts'
import { closableStream } from './closable-stream.ts'

/**
 * Yields the run now and after every change, and ends after the final state. A slow reader skips intermediate states, never
 * the last one. Versions always increase, unless the database continues another history, such as that of a promoted standby:
 * then the run is sent again, in its present state. A Postgres outage delays the stream but does not end it.
 *
 * @throws NotFoundError when the viewer has no such run
 */
export function followRun(
  { hub, runLoader, logger }: Pick<Services, 'hub' | 'runLoader' | 'logger'>,
  viewer: Viewer,
  id: string,
): AsyncIterableIterator<ReportRun, void, undefined> {
  return closableStream(async function* (signal) {
    // Runs are loaded in batches: an id that Postgres cannot store would fail the whole batch.
    if (!isId(id, idPrefixes.reportRun)) throw notFound(id)
    const failureMessage = 'Failed to load a run for its followers.'
    const retry = <Result>(attempt: () => Promise<Result>): Promise<Result> =>
      retryDuringOutage(attempt, { signal, logger, failureMessage })
    // Subscribe before loading, so that a change in between is not lost.
    const latest = await retry(() => hub.subscribe(viewer, id, signal))
    const load = () => retry(() => runLoader.load(id))
    let shown = 0
    for await (const run of statesOf(latest, load, retry)) {
      if (run === 'CHANGED_HISTORY') shown = 0
      else if (!isVisibleTo(run, viewer)) throw notFound(id)
      else if (run.version > shown) {
        yield run
        shown = run.version
      }
    }
  })
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

function notFound(id: string): NotFoundError {
  return new NotFoundError(`There is no report run ${JSON.stringify(id)}.`, ['id'])
}

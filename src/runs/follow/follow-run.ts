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
 * the last one. Versions always increase. A Postgres outage delays the stream but does not end it.
 *
 * @throws NotFoundError when the viewer has no such run
 */
export function followRun(
  { hub, runLoader, logger }: Pick<Services, 'hub' | 'runLoader' | 'logger'>,
  viewer: Viewer,
  id: string,
): AsyncIterableIterator<ReportRun, void, undefined> {
  return closableStream(async function* (signal) {
    const notFound = () => new NotFoundError(`There is no report run ${JSON.stringify(id)}.`, ['id'])
    // Runs are loaded in batches: an id that Postgres cannot store would fail the whole batch.
    if (!isId(id, idPrefixes.reportRun)) throw notFound()
    const failureMessage = 'Failed to load a run for its followers.'
    const retry = <Result>(attempt: () => Promise<Result>): Promise<Result> =>
      retryDuringOutage(attempt, { signal, logger, failureMessage })
    // Subscribe before loading, so that a change in between is not lost.
    const latest = await retry(() => hub.subscribe(viewer, id, signal))
    let run = await retry(() => runLoader.load(id))
    let version = 0
    while (isVisibleTo(run, viewer)) {
      if (run.version > version) yield run
      version = Math.max(version, run.version)
      const entry = isFinal(run.status) ? null : await latest.take()
      if (entry === null) return
      run = await retry(entry.run)
    }
    throw notFound()
  })
}

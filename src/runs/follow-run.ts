import type { Viewer } from '../auth/viewer.ts'
import type { ReportRun } from '../database/generated/prisma/client.ts'
import { NotFoundError } from '../errors.ts'
import { closableStream } from '../events/closable-stream.ts'
import type { Hub } from '../events/hub.ts'
import { idPrefixes, isId } from '../ids.ts'
import type { RunLoader } from './run-loader.ts'
import { isFinal } from './status.ts'

export type FollowDependencies = { hub: Hub; runLoader: RunLoader }

/**
 * The run as it is, then again after every change, ending after its final state. A slow reader skips states in
 * between, never the last one; a version is never given twice or out of order.
 *
 * @throws NotFoundError when the viewer has no such run
 */
export const followRun = (
  { hub, runLoader }: FollowDependencies,
  viewer: Viewer,
  id: string,
): AsyncIterableIterator<ReportRun, void, undefined> =>
  closableStream(async function* (signal) {
    const notFound = () => new NotFoundError(`There is no report run ${JSON.stringify(id)}.`, ['id'])
    // Runs are loaded many at once: an id that Postgres cannot read would fail the others as well.
    if (!isId(id, idPrefixes.reportRun)) throw notFound()
    // Listening comes before loading, so that a change in between is not lost.
    const mailbox = await hub.subscribe(viewer, id, signal)
    let version = 0
    do {
      const run = await runLoader.load(id)
      const isVisible = run?.accountId === viewer.accountId && run.livemode === viewer.livemode
      if (!run || !isVisible) throw notFound()
      if (run.version > version) {
        version = run.version
        yield run
      }
      if (isFinal(run.status)) return
    } while ((await mailbox.take()) !== null)
  })

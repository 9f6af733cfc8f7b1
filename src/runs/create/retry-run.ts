import type { Viewer } from '../../auth/viewer.ts'
import { NotFoundError, WrongStatusError } from '../../errors.ts'
import { isFinal } from '../lifecycle/status.ts'
import { findRun } from '../list/find-run.ts'
import type { Services } from '../services.ts'
import { acceptReport } from './create-run.ts'
import type { SubmittedRun } from './make-run.ts'
import { type SubmitOptions, submitRun } from './submit-run.ts'

/**
 * Runs the same request again as a new run, linked to the one it repeats, which stays as it is. It may be repeated
 * whatever its end was, but only when it has one.
 *
 * @throws NotFoundError when the viewer has no such run
 * @throws WrongStatusError when it has not ended yet
 * @throws InputError, InputErrors when the request would not be accepted any more
 * @throws IdempotencyError, LimitError
 */
export function retryRun(
  deps: Services,
  viewer: Viewer,
  id: string,
  options: SubmitOptions,
): Promise<SubmittedRun> {
  return submitRun(
    deps,
    viewer,
    async () => {
      const run = await findRun(deps.prisma, viewer, id)
      if (!run) throw new NotFoundError(`There is no report run ${JSON.stringify(id)}.`, ['id'])
      if (!isFinal(run.status)) {
        throw new WrongStatusError(
          `The report run ${id} is ${run.status}; it can be repeated when it has ended.`,
          id,
        )
      }
      const { label, tags, formats, compression, attempt, waitForData } = run
      return {
        ...(await acceptReport(deps, viewer, run.reportType, Object(run.parameters), waitForData)),
        label,
        tags,
        metadata: Object(run.metadata),
        formats,
        compression,
        origin: 'RETRY',
        attempt: attempt + 1,
        retryOfId: run.id,
        scheduleId: null,
        startWithin: null,
        timeout: run.timeoutMilliseconds === null ? null : Number(run.timeoutMilliseconds),
        retention: Number(run.retentionMilliseconds),
        // It was asked for because the result that is there will not do.
        reuseWithin: null,
      }
    },
    options,
  )
}

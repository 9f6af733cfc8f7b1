import { WrongStatusError } from '../../errors.ts'
import { jsonObject } from '../../json.ts'
import type { Viewer } from '../../tenant.ts'
import { isFinal } from '../lifecycle/transition.ts'
import { requireRun } from '../list/find-run.ts'
import type { Services } from '../services.ts'
import { checkAnnotations } from './request.ts'
import { type SubmitOptions, type SubmittedRun, submitRun } from './submit-run.ts'
import { type RunSpec, validateReport } from './validate.ts'

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
  return submitRun(deps, viewer, () => validateRetry(deps, viewer, id), options)
}

async function validateRetry(deps: Services, viewer: Viewer, id: string): Promise<RunSpec> {
  const run = await requireRun(deps.prisma, viewer, id)
  if (!isFinal(run.status)) {
    throw new WrongStatusError(
      `The report run ${id} is ${run.status}; it can be repeated when it has ended.`,
      id,
    )
  }
  const { reportType, compression, attempt, waitForData, timeoutMilliseconds } = run
  const parameters = jsonObject(run.parameters)
  return {
    ...(await validateReport(deps, viewer, reportType, parameters, waitForData)),
    ...checkAnnotations({ ...run, metadata: jsonObject(run.metadata) }),
    compression,
    origin: 'RETRY',
    attempt: attempt + 1,
    retryOfId: run.id,
    scheduleId: null,
    startWithin: null,
    timeout: timeoutMilliseconds === null ? null : Number(timeoutMilliseconds),
    retention: Number(run.retentionMilliseconds),
    // The caller asked for it because the result that is there will not do.
    reuseWithin: null,
  }
}

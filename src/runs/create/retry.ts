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
 * Creates a new run with the request of an earlier one and links the two; the earlier run does not change. It can have
 * succeeded, failed or been canceled, but it must have ended.
 *
 * @throws NotFoundError when the viewer has no such run
 * @throws WrongStatusError when the earlier run has not ended yet
 * @throws InputError, InputErrors when the request is no longer valid
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
      `The report run ${id} is ${run.status}; only a run that has ended can be retried. Wait for its end, or cancel it first.`,
      id,
    )
  }
  const { reportType, compression, byteOrderMark, attempt, waitForData, timeoutMilliseconds } = run
  const parameters = jsonObject(run.parameters)
  return {
    ...(await validateReport(deps, viewer, reportType, parameters, waitForData)),
    ...checkAnnotations({ ...run, metadata: jsonObject(run.metadata) }),
    compression,
    byteOrderMark,
    origin: 'RETRY',
    attempt: attempt + 1,
    retryOfId: run.id,
    scheduleId: null,
    startWithin: null,
    timeout: timeoutMilliseconds === null ? null : Number(timeoutMilliseconds),
    retention: Number(run.retentionMilliseconds),
    // A retry must produce a new result.
    reuseWithin: null,
  }
}

import type { Viewer } from '../../auth/viewer.ts'
import { InputError, InputErrors, LiveModeRequiredError } from '../../errors.ts'
import type { Catalog } from '../../reports/catalog.ts'
import { checkParameters } from '../../reports/check-parameters.ts'
import { preview } from '../../reports/parameters.ts'
import type { AnyReportType } from '../../reports/report-type.ts'
import type { Services } from '../services.ts'
import { dataToWaitFor } from './data-wait.ts'
import type { AcceptedRun, SubmittedRun } from './make-run.ts'
import { checkNotes, checkSpans, type RunRequest } from './run-request.ts'
import { type SubmitOptions, submitRun } from './submit-run.ts'

/**
 * Checks a report except for whether there are data.
 *
 * @throws as acceptReport
 */
export async function checkReport(
  { catalog }: Pick<Services, 'catalog'>,
  viewer: Viewer,
  name: string,
  given: Readonly<Record<string, unknown>>,
): Promise<void> {
  const type = findType(catalog, name, viewer)
  await within('parameters', async () => checkParameters(type, given, null, true))
}

/**
 * The type and the parameters that a run can be made with, defaults filled in, and what data it has to wait for.
 *
 * @param waitForData whether it may wait for data
 * @throws InputError, InputErrors with paths that start with `type` or `parameters`
 * @throws LiveModeRequiredError when the type runs on live data only and the key is a test key
 */
export async function acceptReport(
  { prisma, catalog, now }: Pick<Services, 'prisma' | 'catalog' | 'now'>,
  viewer: Viewer,
  name: string,
  given: Readonly<Record<string, unknown>>,
  waitForData: boolean,
) {
  const type = findType(catalog, name, viewer)
  return within('parameters', async () => {
    const availability = await type.availability(prisma, viewer)
    const parameters = checkParameters(type, given, availability, waitForData)
    const errors = await type.check?.(prisma, viewer, parameters)
    if (errors?.length) throw new InputErrors(errors)
    const dataNeededUntil = waitForData ? dataToWaitFor(parameters, availability, now()) : null
    return { reportType: type.name, parameters, waitForData, dataNeededUntil }
  })
}

/**
 * A request as it can be run. Nothing is created.
 *
 * @throws InputError, InputErrors with paths that start with the name of a field of the request
 * @throws LiveModeRequiredError
 */
export async function acceptRun(
  deps: Pick<Services, 'prisma' | 'catalog' | 'now'>,
  viewer: Viewer,
  request: RunRequest,
): Promise<AcceptedRun> {
  return {
    ...checkSpans(request),
    ...checkNotes(request),
    ...(await acceptReport(deps, viewer, request.type, request.parameters, request.waitForData)),
    compression: request.compression,
    origin: 'API',
    attempt: 1,
    retryOfId: null,
    scheduleId: null,
  }
}

/**
 * Creates a run and its job, which comes later when it has to wait for data. With an idempotency key that was used before,
 * it gives the run of that time, and an identical run where the request allows to reuse it.
 *
 * @throws InputError, InputErrors with paths that start with the name of a field of the request
 * @throws LiveModeRequiredError, IdempotencyError, LimitError
 */
export function createRun(
  deps: Services,
  viewer: Viewer,
  request: RunRequest,
  options: SubmitOptions,
): Promise<SubmittedRun> {
  return submitRun(deps, viewer, () => acceptRun(deps, viewer, request), options)
}

function findType(catalog: Catalog, name: string, { livemode }: Viewer): AnyReportType {
  const type = catalog.find(name)
  if (!type) {
    const names = catalog.types.map((known) => known.name)
    throw new InputError(`There is no report type ${preview(name)}.`, ['type'], names)
  }
  if (type.requiresLiveMode && !livemode) {
    throw new LiveModeRequiredError(`${name} runs on live data only. Use a live-mode API key.`, ['type'])
  }
  return type
}

/** Puts the name of the part before the paths of its errors. */
async function within<Result>(part: string, check: () => Promise<Result>): Promise<Result> {
  try {
    return await check()
  } catch (error) {
    if (!(error instanceof InputErrors)) throw error
    throw new InputErrors(error.errors.map((e) => new InputError(e.message, [part, ...e.path], e.allowed)))
  }
}

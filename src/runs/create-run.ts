import type { Viewer } from '../auth/viewer.ts'
import { InputError, InputErrors, LiveModeRequiredError } from '../errors.ts'
import type { Catalog } from '../reports/catalog.ts'
import { checkParameters } from '../reports/check-parameters.ts'
import { shown } from '../reports/parameters.ts'
import type { AnyReportType, Availability } from '../reports/report-type.ts'
import type { RunDependencies } from './dependencies.ts'
import { checkNotes, checkSpans, type RunRequest } from './request.ts'
import { type SubmitOptions, type SubmittedRun, submitRun } from './submit-run.ts'

const findType = (catalog: Catalog, name: string, { livemode }: Viewer): AnyReportType => {
  const type = catalog.find(name)
  if (!type) {
    const names = catalog.types.map((known) => known.name)
    throw new InputError(`There is no report type ${shown(name)}.`, ['type'], names)
  }
  if (type.requiresLiveMode && !livemode) {
    throw new LiveModeRequiredError(`${name} runs on live data only. Use a live-mode API key.`, ['type'])
  }
  return type
}

/** Puts the name of the part before the paths of its errors. */
const within = async <Result>(part: string, check: () => Promise<Result>): Promise<Result> => {
  try {
    return await check()
  } catch (error) {
    if (!(error instanceof InputErrors)) throw error
    throw new InputErrors(error.errors.map((e) => new InputError(e.message, [part, ...e.path], e.allowed)))
  }
}

/**
 * The type and the parameters that a run can be made with, defaults filled in.
 *
 * @param available what there are data for; what there is now unless given
 * @throws InputError, InputErrors with paths that start with `type` or `parameters`
 * @throws LiveModeRequiredError when the type runs on live data only and the key is a test key
 */
export const acceptReport = async (
  { prisma, catalog }: Pick<RunDependencies, 'prisma' | 'catalog'>,
  viewer: Viewer,
  name: string,
  given: Readonly<Record<string, unknown>>,
  available?: Availability,
) => {
  const type = findType(catalog, name, viewer)
  const parameters = await within('parameters', async () =>
    checkParameters(type, given, available ?? (await type.availability(prisma, viewer))),
  )
  return { reportType: type.name, parameters }
}

/**
 * Creates a run and its job; with an idempotency key that was used before, gives the run of that time.
 *
 * @throws InputError, InputErrors with paths that start with the name of a field of the request
 * @throws LiveModeRequiredError, IdempotencyError, LimitError
 */
export const createRun = (
  deps: RunDependencies,
  viewer: Viewer,
  request: RunRequest,
  options: SubmitOptions,
): Promise<SubmittedRun> =>
  submitRun(
    deps,
    viewer,
    async () => ({
      ...checkSpans(request),
      ...checkNotes(request),
      ...(await acceptReport(deps, viewer, request.type, request.parameters)),
      formats: [...request.formats],
      compression: request.compression,
      origin: 'API',
      attempt: 1,
      retryOfId: null,
      scheduleId: null,
    }),
    options,
  )

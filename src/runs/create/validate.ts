import { InputError, InputErrors, LiveModeRequiredError } from '../../errors.ts'
import type { Compression, ReportFormat, ReportRunOrigin } from '../../postgres/generated/prisma/client.ts'
import type { Catalog } from '../../reports/catalog.ts'
import { checkParameters } from '../../reports/check-parameters.ts'
import { preview } from '../../reports/parameters.ts'
import type { AcceptedParameters, AnyReportType, Availability } from '../../reports/report-type.ts'
import type { Viewer } from '../../tenant.ts'
import type { Services } from '../services.ts'
import {
  type Annotations,
  checkAnnotations,
  checkByteOrderMark,
  checkTimeLimits,
  type RunRequest,
  type TimeLimits,
} from './request.ts'

type ReportSpec = {
  reportType: string
  /** Validated, with all defaults filled in. */
  parameters: AcceptedParameters
  waitForData: boolean
  /** The run is queued when data is available up to this time; null when it is available already. */
  dataNeededUntil: Date | null
}

export type RunSpec = ReportSpec &
  Annotations &
  TimeLimits & {
    formats: ReportFormat[]
    compression: Compression
    byteOrderMark: boolean
    origin: ReportRunOrigin
    attempt: number
    retryOfId: string | null
    scheduleId: string | null
  }

const maxWaitDays = 366
const maxWaitMilliseconds = maxWaitDays * 24 * 60 * 60 * 1000

/** Checks a report as validateReport does, but does not check that data is available. */
export async function checkReport(
  { prisma, catalog }: Pick<Services, 'prisma' | 'catalog'>,
  viewer: Viewer,
  name: string,
  given: Readonly<Record<string, unknown>>,
): Promise<void> {
  const type = findType(catalog, name, viewer)
  await inParameters(async () => {
    const parameters = checkParameters(type, given, null, 'YES')
    const errors = await type.check?.(prisma, viewer, parameters)
    if (errors?.length) throw new InputErrors(errors)
  })
}

/**
 * Validates a report. Returns its type, its parameters with defaults filled in, and the data that a run must wait for.
 *
 * @throws InputError, InputErrors with paths that start with `type` or `parameters`
 * @throws LiveModeRequiredError when the type requires live data and the key is a test key
 */
export async function validateReport(
  { prisma, catalog, now }: Pick<Services, 'prisma' | 'catalog' | 'now'>,
  viewer: Viewer,
  name: string,
  given: Readonly<Record<string, unknown>>,
  waitForData: boolean,
): Promise<ReportSpec> {
  const type = findType(catalog, name, viewer)
  return inParameters(async () => {
    const availability = await type.availability(prisma, viewer)
    const parameters = checkParameters(type, given, availability, waitForData ? 'YES' : 'OFFERED')
    const errors = await type.check?.(prisma, viewer, parameters)
    if (errors?.length) throw new InputErrors(errors)
    const dataNeededUntil = waitForData ? dataToWaitFor(parameters, availability, now()) : null
    return { reportType: type.name, parameters, waitForData, dataNeededUntil }
  })
}

/** Validates a request and returns what to run. @throws InputError, InputErrors, LiveModeRequiredError as createRun does */
export async function validateRun(
  deps: Pick<Services, 'prisma' | 'catalog' | 'now'>,
  viewer: Viewer,
  request: RunRequest,
): Promise<RunSpec> {
  checkByteOrderMark(request)
  return {
    ...checkTimeLimits(request),
    ...checkAnnotations(request),
    ...(await validateReport(deps, viewer, request.type, request.parameters, request.waitForData)),
    compression: request.compression,
    byteOrderMark: request.byteOrderMark,
    origin: 'API',
    attempt: 1,
    retryOfId: null,
    scheduleId: null,
  }
}

function findType(catalog: Catalog, name: string, { livemode }: Viewer): AnyReportType {
  const type = catalog.find(name)
  if (!type) {
    const names = catalog.types.filter(({ replacedBy }) => !replacedBy).map((known) => known.name)
    const similar = names.filter((known) => withoutVersion(known) === withoutVersion(name.toLowerCase()))
    const hint = similar.length > 0 ? ` Did you mean ${similar.join(' or ')}?` : ''
    throw new InputError(`There is no report type ${preview(name)}.${hint}`, ['type'], names)
  }
  if (type.requiresLiveMode && !livemode) {
    throw new LiveModeRequiredError(`${name} runs on live data only. Use a live-mode API key.`, ['type'])
  }
  return type
}

function withoutVersion(name: string): string {
  return name.replace(/\.\d+$/, '')
}

/** Prefixes the paths of errors with `parameters`. */
async function inParameters<Result>(check: () => Promise<Result>): Promise<Result> {
  try {
    return await check()
  } catch (error) {
    if (!(error instanceof InputErrors)) throw error
    throw new InputErrors(
      error.errors.map((e) => new InputError(e.message, ['parameters', ...e.path], e.allowed)),
    )
  }
}

/**
 * The time up to which a run with these parameters needs data; null when the data is available already.
 *
 * @throws InputErrors when that time is more than a year ahead: the year is probably mistyped
 */
function dataToWaitFor(
  { interval_end: end }: AcceptedParameters,
  availability: Availability | null,
  now: Date,
): Date | null {
  if (typeof end !== 'string') return null
  const neededUntil = new Date(end)
  if (availability && neededUntil <= availability.until) return null
  if (neededUntil.getTime() - now.getTime() <= maxWaitMilliseconds) return neededUntil
  const message = `interval_end is ${end}; with waitForData it can be at most ${maxWaitDays} days from now. Use an earlier end.`
  throw new InputErrors([new InputError(message, ['interval_end'])])
}

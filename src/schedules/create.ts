import { InputError } from '../errors.ts'
import { idPrefixes, newId } from '../ids.ts'
import type { Prisma as PrismaTypes, ReportSchedule } from '../postgres/generated/prisma/client.ts'
import { relativeIntervals, timezoneOf } from '../reports/interval.ts'
import type { AnyReportType } from '../reports/report-type.ts'
import { checkAnnotations, checkTimeLimits, type RunRequest } from '../runs/create/request.ts'
import { checkReport } from '../runs/create/validate.ts'
import { tenantOf, type Viewer } from '../tenant.ts'
import { startingPosition } from './due.ts'
import type { ScheduleServices } from './schedule.ts'
import { type ScheduledReport, scheduledParametersAt } from './scheduled-report.ts'
import { acceptTrigger, type GivenTrigger, triggerColumns } from './trigger.ts'

export type ScheduleRequest = ScheduledReport &
  Pick<RunRequest, 'formats' | 'compression' | 'retention' | 'label' | 'tags'> & {
    trigger: GivenTrigger
  }

const maxSchedules = 1_000

/**
 * Creates a schedule that is active. Its report is checked as that of a run would be, except for whether there are data.
 *
 * @throws InputError, InputErrors with paths that start with the name of a field of the request
 * @throws LiveModeRequiredError
 */
export async function createSchedule(
  deps: ScheduleServices,
  viewer: Viewer,
  request: ScheduleRequest,
): Promise<ReportSchedule> {
  const { prisma, catalog } = deps
  const createdAt = deps.now()
  const { retention } = checkTimeLimits({
    retention: request.retention,
    startWithin: null,
    timeout: null,
    reuseWithin: null,
  })
  const { label, tags, formats } = checkAnnotations({ ...request, metadata: {} })
  await checkScheduled(deps, viewer, request, createdAt)
  const count = await prisma.reportSchedule.count({ where: tenantOf(viewer) })
  if (count >= maxSchedules) {
    throw new InputError(
      `The account has ${count} schedules in this mode; ${maxSchedules} are allowed. Delete one by deleteReportSchedule first.`,
      [],
    )
  }
  const type = catalog.find(request.type)
  const trigger = acceptTrigger(request.trigger, type, timezoneOf(request), createdAt)
  const available = (await type?.availability(prisma, viewer)) ?? null
  return prisma.reportSchedule.create({
    data: {
      ...triggerColumns(trigger),
      ...startingPosition(trigger, createdAt, available),
      id: newId(idPrefixes.reportSchedule, createdAt),
      ...tenantOf(viewer),
      reportType: request.type,
      // They came as JSON, and were accepted above.
      parameters: request.parameters as PrismaTypes.InputJsonObject,
      relativeInterval: request.relativeInterval,
      formats,
      compression: request.compression,
      retentionMilliseconds: retention,
      label,
      tags,
      isActive: true,
      createdAt,
      requestedById: viewer.apiKeyId,
    },
  })
}

/** Checks a report as if it were run now; whether there are data is asked when a run is due. */
async function checkScheduled(
  deps: ScheduleServices,
  viewer: Viewer,
  report: ScheduledReport,
  now: Date,
): Promise<void> {
  checkMoving(deps.catalog.find(report.type), report)
  // Any period will do.
  const previous = { start: new Date(now.getTime() - 1_000), end: now }
  const parameters = scheduledParametersAt(deps.catalog, report, now, previous)
  await checkReport(deps, viewer, report.type, parameters)
}

/** Refuses a report that would cover the same data each time, and one without the interval that it needs. */
function checkMoving(
  type: AnyReportType | null,
  { type: name, parameters, relativeInterval }: ScheduledReport,
): void {
  if (type?.parameters.payout && !type.custom) {
    throw new InputError(
      `${name} reports on one payout, which never changes. Create a report run of it instead.`,
      ['type'],
    )
  }
  if (relativeInterval !== null) return
  const intervals = `${relativeIntervals.join(', ')} or PREVIOUS_PERIOD`
  const fixed = ['interval_start', 'interval_end'].find((end) => end in parameters)
  if (fixed !== undefined) {
    throw new InputError(
      `A schedule would report the same ${fixed} again and again. Leave interval_start and interval_end out of the parameters, and give "interval" beside them: ${intervals}.`,
      ['parameters', fixed],
    )
  }
  if (type?.parameters.interval_end?.isRequired) {
    throw new InputError(
      `A schedule of ${name} needs an interval. Give "interval" beside the parameters: ${intervals}.`,
      ['parameters', 'interval_end'],
    )
  }
}

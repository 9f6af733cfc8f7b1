import { InputError } from '../errors.ts'
import { idPrefixes, newId } from '../ids.ts'
import type { Prisma as PrismaTypes, ReportSchedule } from '../postgres/generated/prisma/client.ts'
import { intervalEnds, relativeIntervals, timezoneOf } from '../reports/interval.ts'
import type { AnyReportType } from '../reports/report-type.ts'
import {
  checkAnnotations,
  checkByteOrderMark,
  checkTimeLimits,
  type RunRequest,
} from '../runs/create/request.ts'
import { checkReport } from '../runs/create/validate.ts'
import { tenantOf, type Viewer } from '../tenant.ts'
import { startingPosition } from './due.ts'
import type { ScheduleServices } from './schedule.ts'
import { type ScheduledReport, scheduledParametersAt } from './scheduled-report.ts'
import { acceptTrigger, type GivenTrigger, triggerColumns } from './trigger.ts'

export type ScheduleRequest = ScheduledReport &
  Pick<RunRequest, 'formats' | 'compression' | 'byteOrderMark' | 'retention' | 'label' | 'tags'> & {
    trigger: GivenTrigger
  }

const maxSchedules = 1_000

/**
 * Creates an active schedule. Its report is checked like that of a run, but data does not need to be available.
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
  checkByteOrderMark(request)
  await checkScheduled(deps, viewer, request, createdAt)
  const count = await prisma.reportSchedule.count({ where: tenantOf(viewer) })
  if (count >= maxSchedules) {
    throw new InputError(
      `The account has ${count} schedules in this mode; at most ${maxSchedules} are allowed. Delete one with deleteReportSchedule first.`,
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
      // The parameters are JSON, and are checked above.
      parameters: request.parameters as PrismaTypes.InputJsonObject,
      relativeInterval: request.relativeInterval,
      formats,
      compression: request.compression,
      byteOrderMark: request.byteOrderMark,
      retentionMilliseconds: retention,
      label,
      tags,
      isActive: true,
      createdAt,
      requestedById: viewer.apiKeyId,
    },
  })
}

/** Checks a report as if it ran now. The availability of data is checked when a run is due. */
async function checkScheduled(
  deps: ScheduleServices,
  viewer: Viewer,
  report: ScheduledReport,
  now: Date,
): Promise<void> {
  checkInterval(deps.catalog.find(report.type), report)
  // Any period and timezone are suitable for the check.
  const previous = { start: new Date(now.getTime() - 1_000), end: now }
  const parameters = scheduledParametersAt(deps.catalog, report, 'Etc/UTC', now, previous)
  await checkReport(deps, viewer, report.type, parameters)
}

/** Rejects a report that would cover the same data each time, and one that lacks a required interval. */
function checkInterval(
  type: AnyReportType | null,
  { type: name, parameters, relativeInterval }: ScheduledReport,
): void {
  if (type?.parameters.payout && !type.custom) {
    throw new InputError(
      `${name} reports on one payout, which never changes. Create a report run instead of a schedule.`,
      ['type'],
    )
  }
  if (relativeInterval !== null) return
  const intervals = `${relativeIntervals.join(', ')} or PREVIOUS_PERIOD`
  const fixed = intervalEnds.find((end) => end in parameters)
  if (fixed !== undefined) {
    throw new InputError(
      `With a fixed ${fixed}, each run of the schedule would cover the same data. Remove interval_start and interval_end from the parameters, and set "interval" beside the parameters: ${intervals}.`,
      ['parameters', fixed],
    )
  }
  if (type?.parameters.interval_end?.isRequired) {
    throw new InputError(
      `A schedule of ${name} needs an interval. Set "interval" beside the parameters: ${intervals}.`,
      ['parameters', 'interval_end'],
    )
  }
}

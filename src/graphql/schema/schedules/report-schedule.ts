import { jsonObject } from '../../../json.ts'
import { findSchedule, listSchedules } from '../../../schedules/schedule.ts'
import { tenantOf } from '../../../tenant.ts'
import { builder } from '../../builder.ts'
import { connectionOf, countFields, pageCost, readConnection } from '../../connection.ts'
import { requireViewer } from '../../context.ts'
import { costExtension } from '../../plugins/document-cost.ts'
import { ReportOutput } from '../files/report-output.ts'
import { ScheduleInterval } from '../reports/interval-input.ts'
import { ReportType } from '../reports/report-type.ts'
import { ReportRunConnection, readRunPage } from '../runs/report-run-list.ts'
import { Actor } from '../viewer/viewer.ts'
import { ReportTrigger } from './report-trigger.ts'

export const ReportSchedule = builder.prismaNode('ReportSchedule', {
  description: 'A schedule that runs a report repeatedly.',
  id: { field: 'id', description: 'The global ID of the schedule.' },
  nullable: true,
  findUnique: (id, context) => ({ id, ...tenantOf(requireViewer(context)) }),
  fields: (t) => ({
    reportType: t.field({
      type: ReportType,
      description: 'The report type of each run.',
      resolve: ({ reportType }, _args, { catalog }) => catalog.describe(reportType),
    }),
    parameters: t.field({
      type: 'JSONObject',
      description:
        'The parameters as they were given, without the interval. Defaults are added for each run. The default of `timezone` is the timezone of the cron trigger, or UTC for a schedule that data triggers.',
      resolve: ({ parameters }) => jsonObject(parameters),
    }),
    interval: t.expose('relativeInterval', {
      type: ScheduleInterval,
      nullable: true,
      description: 'The data that each run covers. Null for a report that takes no interval.',
    }),
    trigger: t.field({
      type: ReportTrigger,
      description: 'What triggers the runs of the schedule.',
      resolve: (row) => row,
    }),
    output: t.field({
      type: ReportOutput,
      description: 'How the result of each run is written, and how long its files are kept.',
      resolve: (schedule) => schedule,
    }),
    label: t.exposeString('label', {
      nullable: true,
      description: 'The label of the schedule and of each of its runs. Null when it has none.',
    }),
    tags: t.exposeStringList('tags', { description: 'The tags of each run, without duplicates.' }),
    livemode: t.exposeBoolean('livemode', { description: 'True in live mode, false in test mode.' }),
    isActive: t.exposeBoolean('isActive', {
      description: 'False while the schedule is paused and creates no runs.',
    }),
    nextRunAt: t.expose('nextRunAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the schedule creates its next run. Null when it is paused or triggered by data.',
    }),
    coveredUntil: t.expose('coveredUntil', {
      type: 'DateTime',
      nullable: true,
      description:
        'The end of the last period that a run of the schedule covers. After activation and before the next run, it is the end of the last period that was over at activation. PREVIOUS_PERIOD starts here. Null while there is no data to start from.',
    }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description:
        'Why the schedule did not create the run that was due most recently, for people. Null when there was no such failure.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the schedule was created.' }),
    requestedBy: t.field({
      type: Actor,
      nullable: true,
      description:
        'The API key that requests the runs: the one that created the schedule or last activated it. When that key is revoked or expires, the schedule is paused. Null when the key is no longer known.',
      resolve: (row, _args, { loaders }) => loaders.apiKeyOf(row, row.requestedById),
    }),
    runs: t.field({
      type: ReportRunConnection,
      description:
        'The runs of the schedule, newest first. Returns 20 runs per page by default, at most 100.',
      extensions: { [costExtension]: pageCost },
      args: t.arg.connectionArgs(),
      resolve: ({ id }, page, context, info) => readRunPage(context, { scheduleId: id }, page, info),
    }),
  }),
})

builder.prismaObjectField('ReportRun', 'schedule', (t) =>
  t.field({
    type: ReportSchedule,
    nullable: true,
    description:
      'The schedule that created the run. Null when no schedule did, and when the schedule has been deleted.',
    resolve: (run, _args, { loaders }) =>
      run.scheduleId === null ? null : loaders.scheduleOf(run, run.scheduleId),
  }),
)

const ReportScheduleConnection = connectionOf(ReportSchedule, {
  page: 'A page of schedules.',
  edge: 'A schedule in a list.',
  node: 'The schedule.',
  fields: (t) => ({
    ...countFields(t, 'schedules'),
  }),
})

builder.queryField('reportSchedule', (t) =>
  t.field({
    type: ReportSchedule,
    nullable: true,
    description: 'A schedule by its global ID. Null when it does not exist or is not visible to the viewer.',
    args: { id: t.arg.id({ required: true, description: 'The global ID of the schedule.' }) },
    resolve: (_root, { id }, context) => findSchedule(context.prisma, requireViewer(context), id),
  }),
)

builder.queryField('reportSchedules', (t) =>
  t.field({
    type: ReportScheduleConnection,
    description:
      "The schedules of the viewer's account and mode, newest first. Returns 20 schedules per page by default, at most 100.",
    extensions: { [costExtension]: pageCost },
    args: t.arg.connectionArgs(),
    resolve: (_root, page, context) =>
      readConnection(() => listSchedules(context.prisma, requireViewer(context)), page, {
        default: 20,
        max: 100,
      }),
  }),
)

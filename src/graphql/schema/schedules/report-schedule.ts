import { jsonObject } from '../../../json.ts'
import { findSchedule, listSchedules } from '../../../schedules/schedule.ts'
import { tenantOf } from '../../../tenant.ts'
import { builder } from '../../builder.ts'
import { connectionOf, readConnection } from '../../connection.ts'
import { requireViewer } from '../../context.ts'
import { toDuration } from '../../scalars.ts'
import { Compression, ReportFormat } from '../files/report-output.ts'
import { RelativeInterval } from '../reports/report-input.ts'
import { ReportType } from '../reports/report-type.ts'
import { ReportRunConnection, readRunPage } from '../runs/report-run-list.ts'
import { Actor } from '../viewer/viewer.ts'
import { ReportTrigger } from './report-trigger.ts'

export const ReportSchedule = builder.prismaNode('ReportSchedule', {
  description: 'A report that is run again and again.',
  id: { field: 'id', description: 'Global id of the schedule.' },
  nullable: true,
  findUnique: (id, context) => ({ id, ...tenantOf(requireViewer(context)) }),
  fields: (t) => ({
    reportType: t.field({
      type: ReportType,
      description: 'What is run.',
      resolve: ({ reportType }, _args, { catalog }) => catalog.describe(reportType),
    }),
    parameters: t.field({
      type: 'JSONObject',
      description: 'Parameters as given, without the interval; defaults are filled in for each run.',
      resolve: ({ parameters }) => jsonObject(parameters),
    }),
    interval: t.expose('relativeInterval', {
      type: RelativeInterval,
      nullable: true,
      description: 'Data that each run covers; null for a report that takes no interval.',
    }),
    trigger: t.field({ type: ReportTrigger, description: 'What makes it run.', resolve: (row) => row }),
    formats: t.expose('formats', { type: [ReportFormat], description: 'One file of each run for each.' }),
    compression: t.expose('compression', { type: Compression, description: 'How each file is compressed.' }),
    retention: t.field({
      type: 'Duration',
      description: 'How long after the end of a run its files are kept.',
      resolve: ({ retentionMilliseconds }) => toDuration(Number(retentionMilliseconds)),
    }),
    label: t.exposeString('label', {
      nullable: true,
      description: 'Label for people, of each run as well; null when none was given.',
    }),
    tags: t.exposeStringList('tags', { description: 'Tags of each run, each once.' }),
    livemode: t.exposeBoolean('livemode', { description: 'False in test mode.' }),
    isActive: t.exposeBoolean('isActive', { description: 'False while it is paused, and makes no runs.' }),
    nextRunAt: t.expose('nextRunAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it makes its next run; null when it is paused or driven by data.',
    }),
    coveredUntil: t.expose('coveredUntil', {
      type: 'DateTime',
      nullable: true,
      description:
        'The end of the last period that it made a run for, or that was over when it was turned on: where PREVIOUS_PERIOD begins. Null while there is no data to count from.',
    }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'Why the last run that was due was not made, for people; null when it was made.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    requestedBy: t.field({
      type: Actor,
      nullable: true,
      description:
        'The key that its runs are asked for by: the one that created it, or that turned it on last. When that is revoked or expires, the schedule is paused. Null when the key is not known any more.',
      resolve: (row, _args, { loaders }) => loaders.apiKeyOf(row, row.requestedById),
    }),
    runs: t.field({
      type: ReportRunConnection,
      description:
        'The runs that the schedule made, newest first. Returns 20 a page by default, at most 100.',
      args: t.arg.connectionArgs(),
      resolve: ({ id }, page, context, info) => readRunPage(context, { scheduleId: id }, page, info),
    }),
  }),
})

builder.prismaObjectField('ReportRun', 'schedule', (t) =>
  t.field({
    type: ReportSchedule,
    nullable: true,
    description: 'The schedule that made it; null when none did, and when that was deleted.',
    resolve: (run, _args, { loaders }) =>
      run.scheduleId === null ? null : loaders.scheduleOf(run, run.scheduleId),
  }),
)

const ReportScheduleConnection = connectionOf(ReportSchedule, {
  page: 'A page of schedules.',
  edge: 'A schedule in a list.',
  fields: (t) => ({
    totalCount: t.int({
      description: 'The number of schedules, on all pages. It is counted only when it is selected.',
      resolve: ({ count }) => count(),
    }),
  }),
})

builder.queryField('reportSchedule', (t) =>
  t.field({
    type: ReportSchedule,
    nullable: true,
    description: 'A schedule by its id; null when it does not exist or is not visible to the viewer.',
    args: { id: t.arg.id({ required: true, description: 'The global id of the schedule.' }) },
    resolve: (_root, { id }, context) => findSchedule(context.prisma, requireViewer(context), id),
  }),
)

builder.queryField('reportSchedules', (t) =>
  t.field({
    type: ReportScheduleConnection,
    description:
      "The schedules of the key's account and mode, newest first. Returns 20 a page by default, at most 100.",
    args: t.arg.connectionArgs(),
    resolve: (_root, page, context) =>
      readConnection(() => listSchedules(context.prisma, requireViewer(context)), page, {
        default: 20,
        max: 100,
      }),
  }),
)

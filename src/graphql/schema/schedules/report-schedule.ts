import { Temporal } from 'temporal-polyfill'
import type { ReportSchedule as ReportScheduleRow } from '../../../postgres/generated/prisma/client.ts'
import { tenantOf } from '../../../tenant.ts'
import { builder } from '../../builder.ts'
import { requireViewer } from '../../context.ts'
import { toDuration } from '../../duration.ts'
import { Compression, ReportFormat } from '../files/report-file.ts'
import { RelativeInterval } from '../reports/report-input.ts'
import { ReportType } from '../reports/report-type.ts'
import { newestFirst, ReportRunConnection } from '../runs/report-run-list.ts'
import { readRunList } from '../runs/run-list.ts'
import { Actor } from '../viewer/actor.ts'

const Cron = builder.objectRef<{ expression: string; timezone: string }>('Cron').implement({
  description: 'Times that come again and again.',
  fields: (t) => ({
    expression: t.exposeString('expression', {
      description: 'Minute, hour, day of month, month and day of week.',
    }),
    timezone: t.exposeString('timezone', { description: 'IANA name of the timezone that it is in.' }),
  }),
})

const ReportTrigger = builder.objectRef<ReportScheduleRow>('ReportTrigger').implement({
  description: 'What makes the runs of a schedule: one of these, the other is null.',
  fields: (t) => ({
    cron: t.field({
      type: Cron,
      nullable: true,
      description: 'At these times.',
      resolve: ({ cronExpression: expression, cronTimezone: timezone }) =>
        expression !== null && timezone !== null ? { expression, timezone } : null,
    }),
    onDataAvailable: t.field({
      type: 'Duration',
      nullable: true,
      description: "Each time the type's data has grown by this.",
      resolve: ({ dataPeriod }) => (dataPeriod === null ? null : Temporal.Duration.from(dataPeriod)),
    }),
  }),
})

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
      resolve: ({ parameters }) => Object(parameters),
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
      description: 'Runs that it made, newest first; 20 a page, at most 100.',
      args: t.arg.connectionArgs(),
      resolve: ({ id }, page, context, info) =>
        readRunList(context, { scheduleId: id }, newestFirst, page, info),
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

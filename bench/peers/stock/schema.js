import SchemaBuilder from '@pothos/core'
import PrismaPlugin from '@pothos/plugin-prisma'
import RelayPlugin from '@pothos/plugin-relay'
import { createReportRun } from './create-report-run.js'
import { prisma } from './database.js'
import { getDatamodel } from './generated/pothos.ts'

const titles = JSON.parse(process.env.REPORT_TITLES ?? '{}')

export function createSchema() {
  const builder = new SchemaBuilder({
    plugins: [PrismaPlugin, RelayPlugin],
    prisma: { client: prisma, dmmf: getDatamodel() },
    relay: {},
  })
  builder.scalarType('DateTime', { serialize: (value) => value.toISOString() })
  builder.scalarType('BigInt', { serialize: String })
  const Status = builder.enumType('ReportRunStatus', {
    values: ['PENDING', 'RUNNING', 'CANCELING', 'SUCCEEDED', 'FAILED', 'CANCELED'],
  })
  const Format = builder.enumType('ReportFormat', { values: ['CSV', 'JSONL', 'PARQUET'] })

  const ReportType = builder.objectRef('ReportType').implement({
    fields: (t) => ({
      name: t.string({ resolve: (name) => name }),
      title: t.string({ nullable: true, resolve: (name) => titles[name] }),
    }),
  })
  builder.prismaObject('ReportFile', {
    fields: (t) => ({
      id: t.exposeID('id'),
      filename: t.exposeString('filename'),
      format: t.expose('format', { type: Format }),
      rowCount: t.expose('rowCount', { type: 'BigInt' }),
      byteSize: t.expose('byteSize', { type: 'BigInt' }),
      sha256: t.exposeString('sha256'),
    }),
  })
  const Result = builder.prismaObject('ReportRun', {
    variant: 'ReportResult',
    fields: (t) => ({
      rowCount: t.expose('rowCount', { type: 'BigInt', nullable: true }),
      files: t.relation('files'),
    }),
  })
  const ReportRun = builder.prismaObject('ReportRun', {
    fields: (t) => ({
      id: t.exposeID('id'),
      version: t.exposeInt('version'),
      status: t.expose('status', { type: Status }),
      label: t.exposeString('label', { nullable: true }),
      tags: t.exposeStringList('tags'),
      createdAt: t.expose('createdAt', { type: 'DateTime' }),
      finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true }),
      reportType: t.field({ type: ReportType, resolve: (run) => run.reportType }),
      result: t.variant(Result, { isNull: (run) => run.status !== 'SUCCEEDED' }),
    }),
  })
  const Payload = builder.objectRef('CreateReportRunPayload').implement({
    fields: (t) => ({ reportRun: t.field({ type: ReportRun, resolve: ({ run }) => run }) }),
  })
  const Event = builder.objectRef('ReportRunEvent').implement({
    fields: (t) => ({ run: t.field({ type: ReportRun, resolve: ({ run }) => run }) }),
  })
  builder.scalarType('JSONObject', { serialize: (value) => value })
  const Input = builder.inputType('CreateReportRunInput', {
    fields: (t) => ({
      report: t.field({ type: 'JSONObject', required: true }),
      idempotencyKey: t.string({ required: true }),
    }),
  })

  const UpdateInput = builder.inputType('UpdateReportRunInput', {
    fields: (t) => ({ id: t.id({ required: true }), label: t.string() }),
  })

  builder.queryType({
    fields: (t) => ({
      reportRuns: t.prismaConnection({
        type: 'ReportRun',
        cursor: 'id',
        resolve: (query, _root, _args, { key: { accountId, livemode } }) =>
          prisma.reportRun.findMany({
            ...query,
            where: { accountId, livemode, deletedAt: null },
            orderBy: { id: 'desc' },
          }),
      }),
    }),
  })
  builder.mutationType({
    fields: (t) => ({
      createReportRun: t.field({
        type: Payload,
        args: { input: t.arg({ type: Input, required: true }) },
        resolve: async (_root, { input }, context) => ({ run: await createReportRun(input, context) }),
      }),
      updateReportRun: t.field({
        type: Payload,
        args: { input: t.arg({ type: UpdateInput, required: true }) },
        resolve: async (_root, { input: { id, label } }, { key: { accountId }, pubSub }) => {
          const run = await prisma.reportRun.update({ where: { id, accountId }, data: { label } })
          pubSub.publish('runs', accountId, { run })
          return { run }
        },
      }),
    }),
  })
  builder.subscriptionType({
    fields: (t) => ({
      reportRunEvents: t.field({
        type: Event,
        subscribe: (_root, _args, { pubSub, key }) => pubSub.subscribe('runs', key.accountId),
        resolve: (event) => event,
      }),
    }),
  })
  return builder.toSchema()
}

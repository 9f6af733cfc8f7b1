import { ReportFormat as ReportFormatValue } from '../../../postgres/generated/prisma/client.ts'
import {
  type ColumnType as ColumnTypeValue,
  columnType,
  type ReportColumn as ReportColumnValue,
} from '../../../reports/column.ts'
import type { Parameter } from '../../../reports/parameters.ts'
import { parametersSchema } from '../../../reports/parameters-schema.ts'
import type { AnyReportType, Availability } from '../../../reports/report-type.ts'
import { builder, describedEnum } from '../../builder.ts'
import { type Context, requireViewer } from '../../context.ts'
import { costExtension } from '../../plugins/document-cost.ts'
import { ReportFormat } from '../files/report-output.ts'
import { inputKeyOf } from './input-key.ts'

const ColumnType = describedEnum<ColumnTypeValue>('ColumnType', 'The types of columns and parameters.', {
  STRING: 'Text.',
  INTEGER: 'An integer.',
  DECIMAL: 'An exact decimal number. An amount of money has the number of decimals of its currency.',
  TIMESTAMP: 'An instant. CSV files contain it as YYYY-MM-DD HH:MM:SS without an offset.',
  DATE: 'A calendar date.',
  BOOLEAN: 'True or false.',
})

/** A column of a report, or a column that an earlier file has and its report no longer has. */
type ColumnOfFile = Pick<ReportColumnValue, 'name' | 'isDefault'> & {
  description: string | null
  value: Pick<ReportColumnValue['value'], 'kind'>
}

export const ReportColumn = builder.objectRef<ColumnOfFile>('ReportColumn').implement({
  description: 'A column of a report.',
  fields: (t) => ({
    name: t.exposeString('name', {
      description: 'The name in the header of the file. `[key]` stands for a key that you choose.',
    }),
    type: t.field({ type: ColumnType, description: 'The type of the values.', resolve: columnType }),
    description: t.exposeString('description', {
      nullable: true,
      description: 'What the column contains. Null when the report has changed and no longer has the column.',
    }),
    isDefault: t.exposeBoolean('isDefault', {
      description: 'True when the column is written by default.',
    }),
  }),
})

const ReportParameter = builder.objectRef<Parameter & { name: string }>('ReportParameter').implement({
  description: 'A parameter of a report type.',
  fields: (t) => ({
    name: t.exposeString('name', {
      description: 'The name of the parameter, as in `parameters` of `byName`.',
    }),
    type: t.expose('type', {
      type: ColumnType,
      description: 'The type of the value, or of each value of a list.',
    }),
    description: t.exposeString('description', { description: 'What the parameter does, with its unit.' }),
    isRequired: t.exposeBoolean('isRequired', { description: 'True when the parameter is required.' }),
    isList: t.exposeBoolean('isList', { description: 'True when the parameter takes a list of values.' }),
    defaultValue: t.string({
      nullable: true,
      description: 'The default value, as JSON text. Null when there is none.',
      resolve: ({ defaultValue }) => (defaultValue === null ? null : JSON.stringify(defaultValue)),
    }),
    allowedValues: t.stringList({
      nullable: true,
      description: 'The values that are accepted. Null when they are not a short list.',
      resolve: ({ allowedValues }) => allowedValues,
    }),
  }),
})

export const ReportType = builder.objectRef<AnyReportType>('ReportType')

/** The span of the data is read from the database for each report type. */
const coverageCost = 20

builder.node(ReportType, {
  description: 'A type of report that can be run.',
  id: { resolve: ({ name }) => name, description: 'The global ID of the report type, which is its name.' },
  loadWithoutCache: (id, { catalog }) => catalog.find(id),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'source' in value,
  fields: (t) => ({
    name: t.exposeString('name', {
      description: 'The stable name with its version, such as balance.summary.1.',
    }),
    title: t.exposeString('title', { description: 'The title of the report type, for people.' }),
    description: t.exposeString('description', { description: 'What the report type is for.' }),
    inputKey: t.string({
      nullable: true,
      description:
        'The key of the report type in ReportInput. Null for a custom report, which only `byName` accepts.',
      resolve: inputKeyOf,
    }),
    requiresLiveMode: t.exposeBoolean('requiresLiveMode', {
      description: 'True when the report type requires a live-mode API key.',
    }),
    parameters: t.field({
      type: [ReportParameter],
      description: 'The parameters of the report type.',
      resolve: ({ parameters }) =>
        Object.entries(parameters).map(([name, parameter]) => ({ name, ...parameter })),
    }),
    parametersSchema: t.field({
      type: 'JSONObject',
      description: 'The parameters that `byName` accepts, as JSON Schema 2020-12.',
      resolve: parametersSchema,
    }),
    columns: t.field({
      type: [ReportColumn],
      description: 'All columns of the report type, in their default order.',
      resolve: ({ columns }) => [...columns],
    }),
    formats: t.field({
      type: [ReportFormat],
      description: 'The formats in which the report can be written.',
      resolve: () => Object.values(ReportFormatValue),
    }),
    dataAvailableFrom: t.field({
      type: 'DateTime',
      extensions: { [costExtension]: coverageCost },
      nullable: true,
      description:
        'The earliest instant with data. Null when there is no data yet, and when `acceptsAnyInterval` is true.',
      resolve: async (type, _args, context) => (await availabilityOf(type, context))?.from ?? null,
    }),
    dataAvailableUntil: t.field({
      type: 'DateTime',
      extensions: { [costExtension]: coverageCost },
      nullable: true,
      description:
        'The instant up to which the data is complete. It advances as data arrives. Null when there is no data yet, and when `acceptsAnyInterval` is true.',
      resolve: async (type, _args, context) => (await availabilityOf(type, context))?.until ?? null,
    }),
    acceptsAnyInterval: t.boolean({
      description:
        'True when the gateway accepts any interval because it does not know which data exists, as for a custom report.',
      resolve: ({ custom }) => custom !== undefined,
    }),
    deprecationReason: t.string({
      nullable: true,
      description: 'Why another report type should be used. Null when the report type is current.',
      resolve: ({ replacedBy }) => (replacedBy ? `${replacedBy} has all of its columns and more.` : null),
    }),
    replacedBy: t.field({
      type: ReportType,
      nullable: true,
      description: 'The report type to use instead. Null when the report type is current.',
      resolve: ({ replacedBy }, _args, { catalog }) => (replacedBy ? catalog.find(replacedBy) : null),
    }),
  }),
})

async function availabilityOf(type: AnyReportType, context: Context): Promise<Availability | null> {
  // The data of a custom report is unknown; its availability covers all time.
  return type.custom ? null : type.availability(context.prisma, requireViewer(context))
}

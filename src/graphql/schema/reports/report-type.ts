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
import { ReportFormat } from '../files/report-output.ts'

const ColumnType = describedEnum<ColumnTypeValue>('ColumnType', 'Types of columns and parameters.', {
  STRING: 'Text.',
  INTEGER: 'Whole number.',
  DECIMAL: "Exact decimal; an amount of money has the currency's own number of decimals.",
  TIMESTAMP: 'Instant; in a CSV file as YYYY-MM-DD HH:MM:SS without a zone.',
  DATE: 'Calendar date.',
  BOOLEAN: 'Truth value.',
})

/** A column of a report, or one that a file has although its report has it no more. */
type ShownColumn = Pick<ReportColumnValue, 'name' | 'isDefault'> & {
  description: string | null
  value: Pick<ReportColumnValue['value'], 'kind'>
}

export const ReportColumn = builder.objectRef<ShownColumn>('ReportColumn').implement({
  description: 'One column of a report.',
  fields: (t) => ({
    name: t.exposeString('name', {
      description: 'Name in the header of the file; `[key]` stands for a key that you name.',
    }),
    type: t.field({ type: ColumnType, description: 'Type of its values.', resolve: columnType }),
    description: t.exposeString('description', {
      nullable: true,
      description: 'What it means; null when nobody knows it any more, because the report was changed.',
    }),
    isDefault: t.exposeBoolean('isDefault', {
      description: 'True when it is written although no columns were chosen.',
    }),
  }),
})

const ReportParameter = builder.objectRef<Parameter & { name: string }>('ReportParameter').implement({
  description: 'One parameter of a report type.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Name, as in the parameters of `custom`.' }),
    type: t.expose('type', {
      type: ColumnType,
      description: 'Type of its value, or of each value of a list.',
    }),
    description: t.exposeString('description', { description: 'What it does, with its unit.' }),
    isRequired: t.exposeBoolean('isRequired', { description: 'True when it has to be given.' }),
    isList: t.exposeBoolean('isList', { description: 'True when it takes a list of values.' }),
    defaultValue: t.string({
      nullable: true,
      description: 'Used when it is absent, as JSON text; null when there is no default.',
      resolve: ({ defaultValue }) => (defaultValue === null ? null : JSON.stringify(defaultValue)),
    }),
    allowedValues: t.stringList({
      nullable: true,
      description: 'The values that are accepted; null when they are no short list.',
      resolve: ({ allowedValues }) => allowedValues,
    }),
  }),
})

export const ReportType = builder.objectRef<AnyReportType>('ReportType')

builder.node(ReportType, {
  description: 'A kind of report.',
  id: { resolve: ({ name }) => name, description: 'Global id; the same as the name.' },
  loadWithoutCache: (id, { catalog }) => catalog.find(id),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'source' in value,
  fields: (t) => ({
    name: t.exposeString('name', {
      description: 'Stable name with its version, for example balance.summary.1.',
    }),
    title: t.exposeString('title', { description: 'Title for people.' }),
    description: t.exposeString('description', { description: 'What it is for.' }),
    inputKey: t.exposeString('inputKey', {
      nullable: true,
      description: 'Key of ReportInput that asks for it; null when only `custom` does.',
    }),
    requiresLiveMode: t.exposeBoolean('requiresLiveMode', {
      description: 'True when it refuses a test-mode key.',
    }),
    parameters: t.field({
      type: [ReportParameter],
      description: 'The parameters that it takes.',
      resolve: ({ parameters }) =>
        Object.entries(parameters).map(([name, parameter]) => ({ name, ...parameter })),
    }),
    parametersSchema: t.field({
      type: 'JSONObject',
      description: 'The parameters as JSON Schema 2020-12: what `custom` accepts.',
      resolve: parametersSchema,
    }),
    columns: t.field({
      type: [ReportColumn],
      description: 'All columns, in their natural order.',
      resolve: ({ columns }) => [...columns],
    }),
    formats: t.field({
      type: [ReportFormat],
      description: 'Formats that it can be written in.',
      resolve: () => Object.values(ReportFormatValue),
    }),
    dataAvailableFrom: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Earliest instant with data; 0001-01-01 when any may be asked for, null when there is no data yet.',
      resolve: async (type, _args, context) => (await availabilityOf(type, context))?.from ?? null,
    }),
    dataAvailableUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Latest instant with complete data; it grows. 9999-12-31 when any may be asked for, null when there is no data yet.',
      resolve: async (type, _args, context) => (await availabilityOf(type, context))?.until ?? null,
    }),
    deprecationReason: t.string({
      nullable: true,
      description: 'Why another should be used instead; null when this one is current.',
      resolve: ({ replacedBy }) => (replacedBy ? `${replacedBy} has all of its columns and more.` : null),
    }),
    replacedBy: t.field({
      type: ReportType,
      nullable: true,
      description: 'The type to use instead; null when this one is current.',
      resolve: ({ replacedBy }, _args, { catalog }) => (replacedBy ? catalog.find(replacedBy) : null),
    }),
  }),
})

function availabilityOf(type: AnyReportType, context: Context): Promise<Availability | null> {
  return type.availability(context.prisma, requireViewer(context))
}

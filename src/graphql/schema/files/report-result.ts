import type { ReportRun } from '../../../postgres/generated/prisma/client.ts'
import { chooseColumn } from '../../../reports/column.ts'
import { builder } from '../../builder.ts'
import { ReportColumn, shownColumn } from '../reports/report-type.ts'
import { ReportFile } from './report-file.ts'

export const ReportResult = builder.objectRef<ReportRun>('ReportResult').implement({
  description: 'What a run produced.',
  fields: (t) => ({
    isEmpty: t.boolean({
      description: 'True when the run succeeded and there were no rows.',
      resolve: ({ rowCount }) => rowCount === 0n,
    }),
    isPartial: t.exposeBoolean('isPartial', {
      description: 'True when rows are missing, because there were more than the report may have.',
    }),
    rowCount: t.field({
      type: 'BigInt',
      description: 'Rows in each file, without a header.',
      resolve: ({ rowCount }) => rowCount ?? 0n,
    }),
    dataAsOf: t.expose('dataAsOf', {
      type: 'DateTime',
      nullable: true,
      description:
        'The moment that the data is true for: the rows of all files are of one snapshot. Null when it is not known.',
    }),
    columns: t.field({
      type: [ReportColumn],
      description: 'Columns of each file, in order, under the names that they have there.',
      resolve: ({ reportType, parameters }, _args, { catalog }) => {
        const columns = catalog.find(reportType)?.columns ?? []
        const names: unknown = Object(parameters).columns
        const chosen = Array.isArray(names) ? names.map(String) : columns.map(({ name }) => name)
        return chosen.map((name) => {
          const column = chooseColumn(columns, name)
          // One that the report has no more is in the file all the same.
          return column
            ? { ...shownColumn(column), name }
            : { name, type: 'STRING' as const, description: null, isDefault: false }
        })
      },
    }),
    files: t.field({
      type: [ReportFile],
      description: 'One file for each format that was asked for, in the order CSV, JSONL, PARQUET.',
      resolve: (run, _args, { loaders }) => loaders.filesOf(run),
    }),
  }),
})

import { jsonObject } from '../../../json.ts'
import { readPageSize } from '../../../page.ts'
import type { ReportRun } from '../../../postgres/generated/prisma/client.ts'
import { chooseColumn } from '../../../reports/column.ts'
import { type RowPage, readRows } from '../../../storage/rows/read-rows.ts'
import { builder } from '../../builder.ts'
import { PageInfo } from '../../connection.ts'
import { namingArguments } from '../../errors.ts'
import { ReportColumn } from '../reports/report-type.ts'
import { ReportFile } from './report-file.ts'

const pageSizes = { default: 20, max: 500 }

const ReportRowPage = builder.objectRef<RowPage>('ReportRowPage').implement({
  description: 'A page of the rows of a result.',
  fields: (t) => ({
    rows: t.expose('rows', {
      type: t.listRef(t.listRef('String', { nullable: true })),
      description:
        'The rows in the order of the file. Each has its values in the order of `columns`, as text; null is the null of SQL.',
    }),
    pageInfo: t.field({
      type: PageInfo,
      description: 'Where the page lies in the file.',
      resolve: ({ hasNextPage, hasPreviousPage, ...cursors }) => ({
        ...cursors,
        hasNextPage: async () => hasNextPage,
        hasPreviousPage: async () => hasPreviousPage,
      }),
    }),
  }),
})

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
        const names = jsonObject(parameters).columns
        const chosen = Array.isArray(names) ? names.map(String) : columns.map(({ name }) => name)
        // One that the report has no more is in the file all the same.
        const unknown = { description: null, isDefault: false, value: { kind: 'text' as const } }
        return chosen.map((name) => ({ ...(chooseColumn(columns, name) ?? unknown), name }))
      },
    }),
    files: t.field({
      type: [ReportFile],
      description: 'One file for each format that was asked for, in the order CSV, JSONL, PARQUET.',
      resolve: (run, _args, { loaders }) => loaders.filesOf(run),
    }),
    rows: t.field({
      type: ReportRowPage,
      nullable: true,
      description:
        'Rows inline, to look before downloading: of the CSV file when there is one, else of the JSONL file, else of the Parquet file. Null when the files have been deleted. A page far into a compressed file takes as long as unpacking the file up to there.',
      args: {
        first: t.arg.int({
          defaultValue: pageSizes.default,
          description: `Return at most this many rows, 1 to ${pageSizes.max}.`,
        }),
        after: t.arg.string({ description: 'Return rows after this cursor.' }),
      },
      resolve: (run, { first, after }, { loaders, storage, gone }) =>
        namingArguments(async () => {
          const request = { first: readPageSize({ first }, pageSizes), after: after ?? null }
          return readRows(storage, await loaders.filesOf(run), request, Number(run.rowCount ?? 0), gone)
        }),
    }),
  }),
})

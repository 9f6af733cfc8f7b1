import { jsonObject } from '../../../json.ts'
import { readPageSize } from '../../../page.ts'
import type { ReportRun } from '../../../postgres/generated/prisma/client.ts'
import { chooseColumn } from '../../../reports/column.ts'
import { type RowPage, readRows } from '../../../storage/rows/read-rows.ts'
import { builder } from '../../builder.ts'
import { PageInfo } from '../../connection.ts'
import { namingArguments } from '../../errors.ts'
import { costExtension } from '../../plugins/document-cost.ts'
import { ReportColumn } from '../reports/report-type.ts'
import { ReportFile } from './report-file.ts'

const pageSizes = { default: 20, max: 500 }

const ReportRowPage = builder.objectRef<RowPage>('ReportRowPage').implement({
  description: 'A page of rows of a result.',
  fields: (t) => ({
    rows: t.expose('rows', {
      type: t.listRef(t.listRef('String', { nullable: true })),
      description:
        'The rows, in the order of the file. A row is a list of its values as text, in the order of `columns`. A value is null when it is NULL in SQL.',
    }),
    pageInfo: t.field({
      type: PageInfo,
      description: 'Information about pagination.',
      resolve: ({ hasNextPage, hasPreviousPage, ...cursors }) => ({
        ...cursors,
        hasNextPage: async () => hasNextPage,
        hasPreviousPage: async () => hasPreviousPage,
      }),
    }),
  }),
})

/** The rows are read from the file, which may have to be decompressed. */
const rowsCost = 200

export const ReportResult = builder.objectRef<ReportRun>('ReportResult').implement({
  description: 'The result of a run that succeeded.',
  fields: (t) => ({
    isEmpty: t.boolean({
      description: 'True when the result has no rows.',
      resolve: ({ rowCount }) => rowCount === 0n,
    }),
    isPartial: t.exposeBoolean('isPartial', {
      description: 'True when rows are missing because there were more than the report allows.',
    }),
    rowCount: t.field({
      type: 'BigInt',
      description: 'The number of rows in each file, without the header.',
      resolve: ({ rowCount }) => rowCount ?? 0n,
    }),
    dataAsOf: t.expose('dataAsOf', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the snapshot of the data was taken. The rows of all files come from this snapshot. Null when the time is not known.',
    }),
    columns: t.field({
      type: [ReportColumn],
      description: 'The columns of each file, in order, with their names in the file.',
      resolve: ({ reportType, parameters }, _args, { catalog }) => {
        const columns = catalog.find(reportType)?.columns ?? []
        const names = jsonObject(parameters).columns
        const chosen = Array.isArray(names) ? names.map(String) : columns.map(({ name }) => name)
        // A file keeps columns that its report no longer has.
        const unknown = { description: null, isDefault: false, value: { kind: 'text' as const } }
        return chosen.map((name) => ({ ...(chooseColumn(columns, name) ?? unknown), name }))
      },
    }),
    files: t.field({
      type: [ReportFile],
      description: 'The files, one for each requested format, in the order CSV, JSONL, PARQUET.',
      resolve: (run, _args, { loaders }) => loaders.filesOf(run),
    }),
    rows: t.field({
      type: ReportRowPage,
      nullable: true,
      description:
        'The rows, for a preview without a download. They are read from the CSV file if there is one, otherwise from the JSONL file, otherwise from the Parquet file. A page far into a compressed file is slow, because the file is decompressed up to that page. Null when the files have been deleted.',
      extensions: { [costExtension]: rowsCost },
      args: {
        first: t.arg.int({
          defaultValue: pageSizes.default,
          description: `Return at most this many rows, from 1 to ${pageSizes.max}.`,
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

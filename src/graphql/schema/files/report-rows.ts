import { maxRows, type RowPage, readRows } from '../../../storage/rows/read-rows.ts'
import { builder } from '../../builder.ts'
import { ReportResult } from '../runs/report-result.ts'
import { throwBadArgument } from '../runs/run-list.ts'

const defaultPage = 20

const ReportRowPage = builder.objectRef<RowPage>('ReportRowPage').implement({
  description: 'Some rows of a result.',
  fields: (t) => ({
    rows: t.field({
      type: t.listRef(t.listRef('String', { nullable: true })),
      description:
        'Rows in the order of the file. Each has its values in the order of `columns`, as text; null is the null of SQL.',
      resolve: ({ rows }) => rows,
    }),
    endCursor: t.exposeString('endCursor', {
      nullable: true,
      description: 'Pass it as `after` to get what follows; null when the page is empty.',
    }),
    hasMore: t.exposeBoolean('hasMore', { description: 'True when more rows follow.' }),
  }),
})

builder.objectField(ReportResult, 'rows', (t) =>
  t.field({
    type: ReportRowPage,
    nullable: true,
    description:
      'Rows inline, to look before downloading: of the CSV file when there is one, else of the JSONL file, else of the Parquet file. Null when the files have been erased. To go far into a compressed file takes as long as to unpack it up to there.',
    args: {
      first: t.arg.int({ defaultValue: defaultPage, description: `How many, 1 to ${maxRows}.` }),
      after: t.arg.string({
        description: 'Begin behind this `endCursor` of an earlier page; at the start when absent.',
      }),
    },
    resolve: async (run, { first, after }, { loaders, storage, gone }) => {
      const request = { first: first ?? defaultPage, after: after ?? null }
      try {
        const files = await loaders.filesOf(run)
        return await readRows(storage, files, request, Number(run.rowCount ?? 0), gone)
      } catch (error) {
        return throwBadArgument(error)
      }
    },
  }),
)

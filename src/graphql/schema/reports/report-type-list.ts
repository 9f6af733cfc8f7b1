import { InputError } from '../../../errors.ts'
import type { PagedList } from '../../../page.ts'
import type { AnyReportType } from '../../../reports/report-type.ts'
import { builder } from '../../builder.ts'
import { connectionOf, readConnection } from '../../connection.ts'
import { pageSizeExtension } from '../../plugins/document-cost.ts'
import { ReportType } from './report-type.ts'

const pageSizes = { default: 50, max: 100 }

const ReportTypeConnection = connectionOf(ReportType, {
  page: 'A page of report types.',
  edge: 'A report type in a list.',
  node: 'The report type.',
  fields: (t) => ({
    totalCount: t.int({
      description: 'The number of report types on all pages.',
      resolve: ({ count }) => count(),
    }),
  }),
})

builder.queryField('reportType', (t) =>
  t.field({
    type: ReportType,
    nullable: true,
    description: 'A report type by its name. Null when the catalog does not contain it.',
    args: {
      name: t.arg.string({
        required: true,
        description: 'The name with its version, such as balance.summary.1.',
      }),
    },
    resolve: (_root, { name }, { catalog }) => catalog.find(name),
  }),
)

builder.queryField('reportTypes', (t) =>
  t.field({
    type: ReportTypeConnection,
    description: `The report types in the catalog, with their parameters and columns. Returns ${pageSizes.default} report types per page by default, at most ${pageSizes.max}.`,
    args: t.arg.connectionArgs(),
    extensions: { [pageSizeExtension]: pageSizes.default },
    resolve: (_root, page, { catalog }) => readConnection(() => listTypes(catalog.types), page, pageSizes),
  }),
)

/** The position of a type is its index in the catalog. A cursor contains the name, because a restart can add types. */
function listTypes(types: readonly AnyReportType[]): PagedList<AnyReportType, number> {
  return {
    positionOf: (type) => types.indexOf(type),
    encodeCursor: (index) => Buffer.from(types[index]?.name ?? '').toString('base64url'),
    decodeCursor: (cursor, argument) => {
      const name = Buffer.from(cursor, 'base64url').toString('utf8')
      const index = types.findIndex((type) => type.name === name)
      if (index >= 0) return index
      throw new InputError(
        `${JSON.stringify(cursor)} is not a cursor of the list of report types. Pass a cursor that the list returned.`,
        [argument],
      )
    },
    read: async ({ after, before, isBackward, limit }) => {
      const part = types.slice(after === null ? 0 : after + 1, before ?? types.length)
      return (isBackward ? part.toReversed() : part).slice(0, limit)
    },
    count: async () => types.length,
  }
}

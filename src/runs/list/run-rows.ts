import { Prisma, type ReportFile, type ReportRun } from '../../postgres/generated/prisma/client.ts'
import { columnsOf } from '../../postgres/rows.ts'

/** A run, with its files when they were read together. */
export type ListedRun = ReportRun & { files?: ReportFile[] }

/** Which columns a list reads. */
export type RunParts = {
  /** True to read the files of the runs, too, in the same query: a third less CPU than two queries. */
  withFiles: boolean
  /** True to read only `usualFields`: half the CPU of all columns. The other fields of the rows are then absent. */
  onlyUsual: boolean
}

/** The columns that most lists show, and that positions consist of. */
const usualFields = [
  'id',
  'accountId',
  'livemode',
  'reportType',
  'label',
  'tags',
  'status',
  'version',
  'origin',
  'attempt',
  'requestedById',
  'createdAt',
  'startedAt',
  'finishedAt',
  'expiresAt',
  'rowCount',
  'byteSize',
  'isPartial',
  'runMilliseconds',
  'dataAsOf',
  'failureCode',
  'failureMessage',
  'failureIsRetryable',
  'failurePath',
  'traceId',
] as const satisfies (keyof ReportRun)[]

/** The SQL of fields whose column has another name or type. A list that was not given is null. */
const others = {
  formats: "coalesce(formats::text[], '{}')",
  tags: "coalesce(tags, '{}')",
  failurePath: "coalesce(failure_path, '{}')",
  filesDeletedAt: 'files_erased_at',
  deletedAt: 'erased_at',
}

/** The columns of `report_runs`, as a ReportRun. */
export const runColumns = columnsOf(Object.values(Prisma.ReportRunScalarFieldEnum), others)

const usualColumns = columnsOf(usualFields, others)

/** The files of a run, as JSON in which whole numbers are texts. */
const filesColumn = Prisma.sql`(
  select json_agg(file order by format) from (
    select ${columnsOf(Object.values(Prisma.ReportFileScalarFieldEnum), { rowCount: 'row_count::text', byteSize: 'byte_size::text' })}
    from report_files where run_id = report_runs.id
  ) as file
) as files`

/** The columns of the parts, for rows that `readFilesOf` completes. */
export function columnsFor({ withFiles, onlyUsual }: RunParts): Prisma.Sql {
  const columns = onlyUsual ? usualColumns : runColumns
  return withFiles ? Prisma.sql`${columns}, ${filesColumn}` : columns
}

/** The fields of a file that JSON has as texts. */
type FileTexts = Record<'rowCount' | 'byteSize' | 'createdAt', string>
export type RunRow = ReportRun & { files?: (Omit<ReportFile, keyof FileTexts> & FileTexts)[] | null }

/** Converts the files of a run in place, because a copy of a run is slow. */
export function readFilesOf(run: RunRow): ListedRun {
  const files = (run.files ?? []).map((file) => ({
    ...file,
    rowCount: BigInt(file.rowCount),
    byteSize: BigInt(file.byteSize),
    createdAt: new Date(file.createdAt),
  }))
  return Object.assign<ReportRun, Pick<ListedRun, 'files'>>(run, run.files === undefined ? {} : { files })
}

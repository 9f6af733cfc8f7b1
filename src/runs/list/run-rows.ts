import { Prisma, type ReportFile, type ReportRun } from '../../postgres/generated/prisma/client.ts'
import { columnsOf } from '../../postgres/rows.ts'

/** A run, with its files when they were read together. */
export type ListedRun = ReportRun & { files?: ReportFile[] }

/** The columns of `report_runs`, as a ReportRun. */
export const runColumns = columnsOf(Prisma.ReportRunScalarFieldEnum, {
  // A list that was not given is null.
  formats: "coalesce(formats::text[], '{}')",
  tags: "coalesce(tags, '{}')",
  failurePath: "coalesce(failure_path, '{}')",
  filesDeletedAt: 'files_erased_at',
  deletedAt: 'erased_at',
})

/** The columns of a run with its files, as JSON in which whole numbers are texts. */
export const runColumnsWithFiles = Prisma.sql`${runColumns}, (
  select json_agg(file order by format) from (
    select ${columnsOf(Prisma.ReportFileScalarFieldEnum, { rowCount: 'row_count::text', byteSize: 'byte_size::text' })}
    from report_files where run_id = report_runs.id
  ) as file
) as files`

/** The fields of a file that JSON has as texts. */
type FileTexts = Record<'rowCount' | 'byteSize' | 'createdAt', string>
export type RunWithFileRows = ReportRun & { files: (Omit<ReportFile, keyof FileTexts> & FileTexts)[] | null }

/** Converts the files of a run in place, because a copy of a run is slow. */
export function readFilesOf(run: RunWithFileRows): ListedRun {
  const files = (run.files ?? []).map((file) => ({
    ...file,
    rowCount: BigInt(file.rowCount),
    byteSize: BigInt(file.byteSize),
    createdAt: new Date(file.createdAt),
  }))
  return Object.assign<ReportRun, { files: ReportFile[] }>(run, { files })
}

import type { Compression, ReportFile, ReportFormat } from '../postgres/generated/prisma/client.ts'
import { modeOf, type Tenant } from '../tenant.ts'

/** The format and compression of a file. */
export type FileForm = Pick<ReportFile, 'format' | 'compression'>

/** Returns the extension of file names, for example `.csv.gz`. */
export function fileEnding(form: FileForm): string {
  return formats[form.format].ending + (wrapperOf(form)?.ending ?? '')
}

export function contentType(form: FileForm): string {
  return wrapperOf(form)?.contentType ?? formats[form.format].contentType
}

/** Makes browsers save the file under its name. File names consist of ids, so they need no escaping. */
export function contentDisposition({ filename }: Pick<ReportFile, 'filename'>): string {
  return `attachment; filename="${filename}"`
}

type RunIdentity = Tenant & { id: string }

/** Returns the folder of all files of a run. The account and mode are part of every path. */
export function runFolder(run: RunIdentity): string {
  return `${run.accountId}/${modeOf(run)}/${run.id}`
}

/** Returns the storage key of a file. */
export function fileKey(run: RunIdentity, fileId: string): string {
  return `${runFolder(run)}/${fileId}`
}

/** Returns the storage key of a file from its database row. */
export function keyOfFile(file: Tenant & { id: string; runId: string }): string {
  return fileKey({ ...file, id: file.runId }, file.id)
}

/** @throws Error when a key is not valid, for example because it leads out of the store */
export function checkKey(key: string): void {
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(key) || key.includes('..')) {
    throw new Error(`"${key}" is not a valid storage key: use letters, digits, "_", "-", "." and "/".`)
  }
}

const formats: Record<ReportFormat, { ending: string; contentType: string }> = {
  CSV: { ending: '.csv', contentType: 'text/csv; charset=utf-8' },
  JSONL: { ending: '.jsonl', contentType: 'application/jsonl; charset=utf-8' },
  PARQUET: { ending: '.parquet', contentType: 'application/vnd.apache.parquet' },
}

const wrappers: Record<Compression, { ending: string; contentType: string } | null> = {
  NONE: null,
  GZIP: { ending: '.gz', contentType: 'application/gzip' },
  ZSTD: { ending: '.zst', contentType: 'application/zstd' },
}

/** The compression wrapper; null for none. Parquet compresses its own pages, so that Parquet readers can open the file. */
function wrapperOf({ format, compression }: FileForm) {
  return format === 'PARQUET' ? null : wrappers[compression]
}

import type { Compression, ReportFile, ReportFormat } from '../postgres/generated/prisma/client.ts'
import { modeOf, type Tenant } from '../tenant.ts'

/** What a file is: its format, and how it is compressed. */
export type FileForm = Pick<ReportFile, 'format' | 'compression'>

/** How names of such files end, for example `.csv.gz`. */
export function fileEnding(form: FileForm): string {
  return formats[form.format].ending + (wrapperOf(form)?.ending ?? '')
}

export function contentType(form: FileForm): string {
  return wrapperOf(form)?.contentType ?? formats[form.format].contentType
}

/** Has browsers save the file under its name. The names are made of ids, so they need no escaping. */
export function contentDisposition({ filename }: Pick<ReportFile, 'filename'>): string {
  return `attachment; filename="${filename}"`
}

type RunIdentity = Tenant & { id: string }

/** Folder of all files of a run. The account and mode are part of every path. */
export function runFolder(run: RunIdentity): string {
  return `${run.accountId}/${modeOf(run)}/${run.id}`
}

/** Storage key of a file. */
export function fileKey(run: RunIdentity, fileId: string): string {
  return `${runFolder(run)}/${fileId}`
}

/** Storage key of a file as the database has it. */
export function keyOfFile(file: Tenant & { id: string; runId: string }): string {
  return fileKey({ ...file, id: file.runId }, file.id)
}

/** @throws Error when a text is no storage key: it would lead out of the store */
export function checkKey(key: string): void {
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(key) || key.includes('..')) throw new Error(`${key} is no storage key.`)
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

/** What is around the file; null for nothing. Parquet is compressed inside, so that its readers can open it. */
function wrapperOf({ format, compression }: FileForm) {
  return format === 'PARQUET' ? null : wrappers[compression]
}

import type { Compression, ReportFormat } from '../postgres/generated/prisma/client.ts'

/** What a file is: its format, and how it is compressed. */
export type FileForm = { format: ReportFormat; compression: Compression }

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

/** How names of such files end, for example `.csv.gz`. */
export function fileEnding(form: FileForm): string {
  return formats[form.format].ending + (wrapperOf(form)?.ending ?? '')
}

export function contentType(form: FileForm): string {
  return wrapperOf(form)?.contentType ?? formats[form.format].contentType
}

/** What is around the file; null for nothing. Parquet is compressed inside, so that its readers can open it. */
function wrapperOf({ format, compression }: FileForm) {
  return format === 'PARQUET' ? null : wrappers[compression]
}

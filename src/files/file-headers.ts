import type { Compression, ReportFile } from '../database/generated/prisma/client.ts'

const contentTypes: Record<Compression, string> = {
  NONE: 'text/csv; charset=utf-8',
  GZIP: 'application/gzip',
  ZSTD: 'application/zstd',
}

export const contentType = ({ compression }: ReportFile): string => contentTypes[compression]

/** Has browsers save the file under its name. The names are made of ids, so they need no escaping. */
export const contentDisposition = ({ filename }: ReportFile): string => `attachment; filename="${filename}"`

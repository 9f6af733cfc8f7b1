import type { ReportFile } from '../postgres/generated/prisma/client.ts'

/** Has browsers save the file under its name. The names are made of ids, so they need no escaping. */
export function contentDisposition({ filename }: Pick<ReportFile, 'filename'>): string {
  return `attachment; filename="${filename}"`
}

import { idPrefixes, isId } from '../ids.ts'

const typeNames = [
  [idPrefixes.reportRun, 'ReportRun'],
  [idPrefixes.reportSchedule, 'ReportSchedule'],
  [idPrefixes.file, 'ReportFile'],
  [idPrefixes.apiKey, 'ApiKey'],
] as const

/**
 * The GraphQL type that an id's prefix names. All else is taken for the name of a report type, also an id that is not
 * well formed: it exists nowhere, and Postgres could not read some of them.
 */
export function typeNameOfId(id: string): string {
  return typeNames.find(([prefix]) => isId(id, prefix))?.[1] ?? 'ReportType'
}

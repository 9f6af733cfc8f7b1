import { idPrefixes } from '../ids.ts'

const typeNames: ReadonlyMap<string, string> = new Map([
  [idPrefixes.reportRun, 'ReportRun'],
  [idPrefixes.file, 'ReportFile'],
  [idPrefixes.apiKey, 'ApiKey'],
])

/** The GraphQL type that an id's prefix names. The id of a report type is its name, which has no prefix. */
export const typeNameOfId = (id: string): string => typeNames.get(id.split('_', 1)[0] ?? '') ?? 'ReportType'

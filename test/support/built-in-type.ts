import { builtInReportTypes } from '../../src/reports/catalog.ts'
import type { AnyReportType } from '../../src/reports/report-type.ts'

/** The report type of that name that comes with the gateway. */
export function builtInType(name: string): AnyReportType {
  const type = builtInReportTypes.find((candidate) => candidate.name === name)
  if (!type) throw new Error(`There is no report type ${name}.`)
  return type
}

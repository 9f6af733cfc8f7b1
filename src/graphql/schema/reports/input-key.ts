import { builtInReportTypes } from '../../../reports/catalog.ts'
import type { AnyReportType } from '../../../reports/report-type.ts'

/** The key of the report inputs for a type, such as balanceSummary1 for balance.summary.1; null when it has none. */
export function inputKeyOf(type: AnyReportType): string | null {
  return builtInReportTypes.includes(type) ? camelCase(type.name) : null
}

/** A name in camel case; letters and digits that follow an underscore or a point begin a word. */
export function camelCase(name: string): string {
  return name.replace(/[._](\w)/g, (_, letter: string) => letter.toUpperCase())
}

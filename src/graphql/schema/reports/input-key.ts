import { builtInReportTypes } from '../../../reports/catalog.ts'
import type { AnyReportType } from '../../../reports/report-type.ts'

/** The key of a type in the report inputs, such as balanceSummary1 for balance.summary.1; null for a custom report. */
export function inputKeyOf(type: AnyReportType): string | null {
  return builtInReportTypes.includes(type) ? camelCase(type.name) : null
}

/** A name in camel case. A letter or digit after an underscore or a dot starts a word. */
export function camelCase(name: string): string {
  return name.replace(/[._](\w)/g, (_, letter: string) => letter.toUpperCase())
}

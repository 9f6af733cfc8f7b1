import { builtInReportTypes } from '../../src/reports/catalog.ts'
import { columnType } from '../../src/reports/column.ts'
import type { AnyReportType } from '../../src/reports/report-type.ts'
import { generatedNote } from './generated-note.ts'
import { markdownTable } from './markdown-table.ts'

/** A page with every built-in report type, its parameters and its columns. */
export function reportCatalogPage(): string {
  const types = builtInReportTypes.map(({ name, title, replacedBy }) => [
    `[\`${name}\`](#${anchor(name)})`,
    title,
    replacedBy ? `Replaced by \`${replacedBy}\`` : 'Current',
  ])
  return `${generatedNote}

# Report catalog

This page describes the report types that come with the gateway. The query \`reportTypes\` returns the same information, with your [custom reports](custom-sql.md).

Types whose names start with \`gateway.\` are [reports that Stripe does not have](gateway-reports.md). All others have the names and columns of Stripe's.

${markdownTable(['Report type', 'Title', 'Version'], types)}

${builtInReportTypes.map(section).join('\n\n')}
`
}

function section(type: AnyReportType): string {
  const parameters = Object.entries(type.parameters).map(([name, parameter]) => [
    `\`${name}\``,
    parameter.isList ? `list of ${parameter.type}` : parameter.type,
    defaultOf(parameter),
    parameter.description,
  ])
  const columns = type.columns.map((column) => [
    `\`${column.name}\``,
    columnType(column),
    column.isDefault ? 'yes' : 'no',
    column.description,
  ])
  return [
    `## ${type.name}`,
    `${type.title}. ${type.description}${type.requiresLiveMode ? ' It needs a live-mode key.' : ''}`,
    markdownTable(['Parameter', 'Type', 'Default', 'Meaning'], parameters),
    markdownTable(['Column', 'Type', 'Written by default', 'Meaning'], columns),
  ].join('\n\n')
}

function defaultOf({ isRequired, defaultValue }: AnyReportType['parameters'][string]): string {
  if (isRequired) return 'required'
  return defaultValue === null ? 'none' : `\`${defaultValue}\``
}

/** The anchor that GitHub gives a heading. */
function anchor(heading: string): string {
  return heading.replaceAll('.', '')
}

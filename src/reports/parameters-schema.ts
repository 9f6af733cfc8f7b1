import { z } from 'zod'
import { entryKeyPattern } from './column.ts'
import type { AnyReportType } from './report-type.ts'

/** The parameters of a type as JSON Schema 2020-12: what `byName` accepts. */
export function parametersSchema(type: AnyReportType): Record<string, unknown> {
  const properties = Object.entries(type.parameters).map(([name, { schema, description }]) => {
    const { $schema: _, ...property } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
    const items = name === 'columns' ? { items: columnNames(type), uniqueItems: true } : {}
    return [name, { ...property, ...items, description }] as const
  })
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: type.name,
    type: 'object',
    properties: Object.fromEntries(properties),
    required: Object.entries(type.parameters).flatMap(([name, { isRequired }]) => (isRequired ? [name] : [])),
    additionalProperties: false,
  }
}

/** A schema for the names of a type's columns; any allowed key can replace `[key]`. */
function columnNames({ columns }: AnyReportType): Record<string, unknown> {
  const isEntry = ({ value }: (typeof columns)[number]) => value.kind === 'entry'
  const plain = columns.filter((column) => !isEntry(column)).map(({ name }) => name)
  const entries = columns.filter(isEntry).map(({ name }) => name.replace('[key]', ''))
  if (entries.length === 0) return { type: 'string', enum: plain }
  const pattern = `^(${entries.join('|')})\\[${entryKeyPattern}\\]$`
  return { type: 'string', anyOf: [{ enum: plain }, { pattern }] }
}

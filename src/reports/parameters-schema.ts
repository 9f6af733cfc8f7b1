import { z } from 'zod'
import type { AnyReportType } from './report-type.ts'

/** The parameters of a type as JSON Schema 2020-12: what `custom` accepts. */
export const parametersSchema = (type: AnyReportType): Record<string, unknown> => {
  const properties = Object.entries(type.parameters).map(([name, { schema, description }]) => {
    const { $schema: _, ...property } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
    return [name, { ...property, description }] as const
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

import { writeFile } from 'node:fs/promises'
import { printedSchema } from '../../graphql/schema.ts'
import type { Command } from '../command.ts'
import { helpOption, parseArguments } from '../parse-arguments.ts'

const help = `npm run schema

Writes the GraphQL schema to schema.graphql.`

export const schemaCommand: Command = async ({ args, print }) => {
  if (parseArguments({ args, options: helpOption }, help).values.help) return print(help)
  await writeFile(new URL('../../../schema.graphql', import.meta.url), printedSchema())
  print('Wrote schema.graphql.')
}

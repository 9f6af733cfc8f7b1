import { writeFile } from 'node:fs/promises'
import { printedSchema } from '../../graphql/schema.ts'
import type { Command } from '../command.ts'

export const schemaCommand: Command = async ({ print }) => {
  await writeFile(new URL('../../../schema.graphql', import.meta.url), printedSchema())
  print('Wrote schema.graphql.')
}

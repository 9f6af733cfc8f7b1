// Writes the schema as a type, from which gql.tada infers the types of the terminal client's documents.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSchema, introspectionFromSchema } from 'graphql'

const target = fileURLToPath(new URL('src/cli/client/generated/introspection.ts', import.meta.url))

const schema = buildSchema(await readFile(new URL('schema.graphql', import.meta.url), 'utf8'))
const introspection = introspectionFromSchema(schema, { descriptions: false, oneOf: true })
await mkdir(dirname(target), { recursive: true })
// JSON happens to be a literal type as well.
await writeFile(target, `export type Introspection = ${JSON.stringify(introspection)}\n`)

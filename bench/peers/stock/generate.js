// Generates the Prisma client and the types of Pothos from our schema, so that the peer has the same tables.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'generated')
const schema = readFileSync(join(import.meta.dirname, '../../../prisma/schema.prisma'), 'utf8')
  .replace('../src/postgres/generated/prisma', './prisma')
  .replace('../src/postgres/generated/pothos.ts', './pothos.ts')
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'schema.prisma'), schema)
// Any file that exists keeps Prisma from downloading an engine that `generate` never runs.
const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: import.meta.filename }
const cli = join(import.meta.dirname, 'node_modules/prisma/build/index.js')
execFileSync(process.execPath, [cli, 'generate', '--schema', join(folder, 'schema.prisma')], {
  cwd: import.meta.dirname,
  env,
  stdio: 'pipe',
})

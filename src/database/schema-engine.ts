import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import type { SchemaEngine } from '@prisma/schema-engine-wasm'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { Pool } from 'pg'
import { databaseSchema } from './client.ts'

// What we use of the runtime's own WebAssembly, which the types of Node do not declare.
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>
}

let engineModule: Promise<typeof bindings> | undefined

// The package's own entry imports the .wasm file as a module, which prints an ExperimentalWarning at every start.
const loadEngineModule = async (): Promise<typeof bindings> => {
  const script = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg')
  const file = script.replace(/\.js$/, '.wasm')
  const { instance } = await WebAssembly.instantiate(await readFile(file), {
    './schema_engine_bg.js': bindings,
  })
  bindings.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
  return bindings
}

/**
 * Prisma's own engine for migrations, on a pool of ours; it needs no native binary.
 *
 * @param datamodel text of `schema.prisma`; only `diff` reads it
 */
export const openSchemaEngine = async (pool: Pool, datamodel?: string): Promise<SchemaEngine> => {
  engineModule ??= loadEngineModule()
  const { SchemaEngine } = await engineModule
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool, { schema: databaseSchema }))
  const datamodels: [string, string][] | undefined = datamodel ? [['schema.prisma', datamodel]] : undefined
  return SchemaEngine.new({ datamodels }, () => {}, adapter)
}

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import type { SchemaEngine } from '@prisma/schema-engine-wasm'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import { createPool } from '../src/postgres/client.ts'
import { databaseSchema } from '../src/postgres/session.ts'

// The part of the global WebAssembly that we use; the types of Node do not declare it.
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>
}

let engineModule: Promise<typeof bindings> | undefined

/**
 * Runs the WebAssembly build of Prisma's schema engine, which needs no native binary.
 *
 * It uses a separate pool that ends with it: the engine takes an advisory lock and never releases it, so in a shared pool
 * a connection would keep the lock, and the next process would wait for it forever.
 *
 * @param datamodel text of `schema.prisma`; only `diff` reads it
 */
export async function withSchemaEngine<Result>(
  url: string,
  datamodel: string | null,
  work: (engine: SchemaEngine) => Promise<Result>,
): Promise<Result> {
  engineModule ??= loadEngineModule()
  const { SchemaEngine } = await engineModule
  const pool = createPool({ url, max: 2, applicationName: 'report-gateway migrate', onError: () => {} })
  try {
    const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool, { schema: databaseSchema }))
    const datamodels: [string, string][] | undefined =
      datamodel === null ? undefined : [['schema.prisma', datamodel]]
    const engine = await SchemaEngine.new({ datamodels }, () => {}, adapter)
    try {
      return await work(engine)
    } finally {
      engine.free()
    }
  } finally {
    await pool.end()
  }
}

// The package's own entry imports the .wasm file as a module, which prints an ExperimentalWarning at every start.
async function loadEngineModule(): Promise<typeof bindings> {
  const script = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg')
  const file = script.replace(/\.js$/, '.wasm')
  const { instance } = await WebAssembly.instantiate(await readFile(file), {
    './schema_engine_bg.js': bindings,
  })
  bindings.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
  return bindings
}

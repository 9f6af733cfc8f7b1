import { defineConfig } from 'prisma/config'

// `prisma generate` looks for the native schema engine, which it would download although it never runs it. Any file
// that exists satisfies it. Commands that do run the engine, such as `prisma migrate deploy`, are left alone.
if (process.argv.includes('generate')) {
  process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= import.meta.filename
}

const databaseUrl = process.env.DATABASE_URL

/** The same database that the gateway uses, in the Postgres schema that holds its tables. */
function url(): string {
  const target = new URL(databaseUrl ?? '')
  target.searchParams.set('schema', 'report_gateway')
  return target.href
}

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  ...(databaseUrl ? { datasource: { url: url() } } : {}),
})

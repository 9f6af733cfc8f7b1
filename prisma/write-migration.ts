// Writes the migration from the committed schema.prisma to the one in the working tree: npm run migration -- NAME
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedPostgres } from '../src/postgres/embedded/embedded-postgres.ts'
import { schemaChanges } from './schema-changes.ts'
import { findUncommittedMigration } from './uncommitted-migration.ts'

function committedSchema(): string | null {
  try {
    return execFileSync('git', ['show', 'HEAD:prisma/schema.prisma'], { encoding: 'utf8', stdio: 'pipe' })
  } catch {
    return null
  }
}

async function writeMigration(name: string): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-migration-'))
  const database = await openEmbeddedPostgres({ dataDir })
  try {
    const wanted = await readFile(new URL('schema.prisma', import.meta.url), 'utf8')
    const changes = await schemaChanges(database.url, committedSchema(), wanted)
    if (!/^\s*[^-\s]/m.test(changes)) return 'schema.prisma has not changed: no migration is needed.'
    const time = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
    const folder = new URL(`migrations/${time}_${name}/`, import.meta.url)
    await mkdir(folder, { recursive: true })
    await writeFile(new URL('migration.sql', folder), changes)
    return `Wrote prisma/migrations/${time}_${name}/migration.sql.`
  } finally {
    await database.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}

const [name] = process.argv.slice(2)
if (!name || !/^[a-z0-9_]+$/.test(name)) {
  process.stderr.write(
    'Name the migration with lower-case letters, digits and underscores: npm run migration -- add_labels\n',
  )
  process.exit(2)
}
// A second migration would repeat the statements of the first, because both start from the committed schema.
const uncommitted = findUncommittedMigration(join(import.meta.dirname, 'migrations'))
if (uncommitted !== null) {
  process.stderr.write(
    `The migration prisma/migrations/${uncommitted} differs from the last commit. If it is new, delete its folder to write it again, or commit it together with schema.prisma. If you deleted it, restore it with git restore.\n`,
  )
  process.exit(1)
}
process.stdout.write(`${await writeMigration(name)}\n`)
process.exit(0)

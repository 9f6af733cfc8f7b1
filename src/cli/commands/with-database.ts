import type { Pool } from 'pg'
import { loadConfig } from '../../config/config.ts'
import { createPool, createPrisma, type Prisma } from '../../postgres/client.ts'
import { migrate } from '../../postgres/migrate.ts'
import { openDatabase } from '../../postgres/open-database.ts'
import type { CommandContext } from '../command.ts'

export type OpenDatabase = { prisma: Prisma; pool: Pool; url: string }

/**
 * Opens the configured database, prepares it, runs the work of a command, and closes the database.
 *
 * @param name shown in pg_stat_activity after `report-gateway`
 * @param prepare applies all migrations, or for a command that only looks, checks that none is missing
 */
export async function withDatabase(
  { environment, print, signal }: CommandContext,
  name: string,
  work: (database: OpenDatabase) => Promise<void>,
  prepare: (url: string, signal: AbortSignal) => Promise<unknown> = migrate,
): Promise<void> {
  const database = await openDatabase(loadConfig(environment), () => {}, signal)
  const pool = createPool({
    url: database.url,
    max: 2,
    applicationName: `report-gateway ${name}`,
    onError: (error) => print(error.message),
  })
  const prisma = createPrisma(pool)
  try {
    await prepare(database.url, signal)
    await work({ prisma, pool, url: database.url })
  } finally {
    await prisma.$disconnect()
    await pool.end()
    await database.close()
  }
}

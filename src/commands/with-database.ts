import type { Pool } from 'pg'
import type { CommandContext } from '../command.ts'
import { loadConfig } from '../config.ts'
import { createPool, createPrisma, type Prisma } from '../database/client.ts'
import { migrate } from '../database/migrate.ts'
import { openDatabase } from '../database/open.ts'

/**
 * Does a command's work on the database that the configuration names, with all migrations applied, and closes it.
 *
 * @param name shown in pg_stat_activity after `report-gateway`
 */
export const withDatabase = async (
  { environment, print, signal }: CommandContext,
  name: string,
  work: (database: { prisma: Prisma; pool: Pool }) => Promise<void>,
): Promise<void> => {
  const database = await openDatabase(loadConfig(environment), () => {}, signal)
  const pool = createPool({
    url: database.url,
    max: 2,
    applicationName: `report-gateway ${name}`,
    onError: (error) => print(error.message),
  })
  const prisma = createPrisma(pool)
  try {
    await migrate(database.url)
    await work({ prisma, pool })
  } finally {
    await prisma.$disconnect()
    await pool.end()
    await database.close()
  }
}

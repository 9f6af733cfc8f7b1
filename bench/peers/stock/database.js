import { PrismaPg } from '@prisma/adapter-pg'
import { PgBoss } from 'pg-boss'
import { PrismaClient } from './generated/prisma/client.ts'

const connectionString = process.env.DATABASE_URL

export const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString, max: 10 }, { schema: 'report_gateway' }),
})

let starting

/** The queue of the gateway, which must have created it. It is started by the first request, and only sends jobs. */
export function startQueue() {
  starting ??= (async () => {
    const boss = new PgBoss({
      connectionString,
      schema: 'report_gateway_queue',
      supervise: false,
      schedule: false,
      migrate: false,
    })
    await boss.start()
    return boss
  })()
  return starting
}

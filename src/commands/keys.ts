import { parseArgs } from 'node:util'
import { Temporal } from 'temporal-polyfill'
import { createApiKey, revokeApiKey } from '../auth/api-keys.ts'
import type { Command } from '../command.ts'
import { loadConfig } from '../config.ts'
import { createPool, createPrisma, type Prisma } from '../database/client.ts'
import { migrate } from '../database/migrate.ts'
import { openDatabase } from '../database/open.ts'
import { ConfigurationError, NotFoundError } from '../errors.ts'
import { idPrefixes, newId } from '../ids.ts'

const usage = `npm run keys -- create [--account ID] [--live] [--name NAME] [--expires P30D]
npm run keys -- list [--account ID]
npm run keys -- revoke KEY_ID`

const options = {
  account: { type: 'string' },
  live: { type: 'boolean', default: false },
  name: { type: 'string', default: 'Created on the command line' },
  expires: { type: 'string' },
} as const

type Options = { account?: string | undefined; live: boolean; name: string; expires?: string | undefined }

/** The account named, or the only one there is; the first one is made when there is none. */
const findAccount = async (prisma: Prisma, id: string | undefined): Promise<string> => {
  const accounts = await prisma.account.findMany({
    ...(id && { where: { id } }),
    take: 2,
    orderBy: { id: 'asc' },
  })
  const [only, another] = accounts
  if (id && !only) throw new NotFoundError(`There is no account ${id}.`)
  if (another) throw new ConfigurationError('There are several accounts. Name one: --account acct_…')
  if (only) return only.id
  const created = await prisma.account.create({
    data: { id: newId(idPrefixes.account, new Date()), name: 'Default' },
  })
  return created.id
}

const expiryOf = (duration: string | undefined): Date | null => {
  if (duration === undefined) return null
  try {
    const now = Temporal.Now.zonedDateTimeISO('UTC')
    return new Date(now.add(Temporal.Duration.from(duration)).epochMilliseconds)
  } catch (cause) {
    throw new ConfigurationError(`--expires ${duration} is no ISO 8601 duration such as P30D.`, { cause })
  }
}

const create = async (prisma: Prisma, { account, live, name, expires }: Options): Promise<string[]> => {
  const accountId = await findAccount(prisma, account)
  const expiresAt = expiryOf(expires)
  const { apiKey, secret } = await createApiKey(prisma, { accountId, livemode: live, name, expiresAt })
  return [`${apiKey.id}  ${accountId}  shown once:`, secret]
}

const list = async (prisma: Prisma, { account }: Options): Promise<string[]> => {
  const keys = await prisma.apiKey.findMany({
    ...(account && { where: { accountId: account } }),
    orderBy: { id: 'asc' },
  })
  if (keys.length === 0) return ['There are no keys yet.']
  return keys.map((key) => {
    const state = key.revokedAt ? `revoked ${key.revokedAt.toISOString()}` : 'not revoked'
    const expiry = key.expiresAt ? `expires ${key.expiresAt.toISOString()}` : 'does not expire'
    return [
      key.id,
      key.accountId,
      key.livemode ? 'live' : 'test',
      `…${key.lastFour}`,
      state,
      expiry,
      key.name,
    ].join('  ')
  })
}

const revoke = async (prisma: Prisma, id: string | undefined): Promise<string[]> => {
  if (!id) throw new ConfigurationError(`Which key? ${usage}`)
  const { revokedAt } = await revokeApiKey(prisma, id)
  return [`${id} is revoked since ${revokedAt?.toISOString()}.`]
}

const perform = (prisma: Prisma, action: string | undefined, id: string | undefined, values: Options) => {
  switch (action) {
    case 'create':
      return create(prisma, values)
    case 'list':
      return list(prisma, values)
    case 'revoke':
      return revoke(prisma, id)
    default:
      throw new ConfigurationError(usage)
  }
}

/** Makes, lists and revokes API keys, in the database that the configuration names. */
export const keysCommand: Command = async ({ args, environment, print }) => {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const [action, id] = positionals
  if (!['create', 'list', 'revoke'].includes(action ?? '')) throw new ConfigurationError(usage)
  const database = await openDatabase(loadConfig(environment), () => {})
  const pool = createPool({
    url: database.url,
    max: 2,
    applicationName: 'report-gateway keys',
    onError: (error) => print(error.message),
  })
  const prisma = createPrisma(pool)
  try {
    await migrate(database.url)
    for (const line of await perform(prisma, action, id, values)) print(line)
  } finally {
    await prisma.$disconnect()
    await pool.end()
    await database.close()
  }
}

import { Temporal } from 'temporal-polyfill'
import { createAccount, findAccount } from '../../auth/accounts.ts'
import { createApiKey, revokeApiKey } from '../../auth/api-keys.ts'
import { ConfigurationError } from '../../errors.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { Command } from '../command.ts'
import { helpOption, parseArguments } from '../parse-arguments.ts'
import { withDatabase } from './with-database.ts'

const usage = `npm run keys -- create [--account ID | --new-account NAME] [--live] [--name NAME] [--expires P30D]
npm run keys -- list [--account ID]
npm run keys -- revoke KEY_ID`

const options = {
  account: { type: 'string' },
  'new-account': { type: 'string' },
  live: { type: 'boolean', default: false },
  name: { type: 'string', default: 'Created on the command line' },
  expires: { type: 'string' },
  ...helpOption,
} as const

type Options = ReturnType<typeof readArguments>['values']

/** Runs an action of the command, and returns the lines to print. */
type Action = (prisma: Prisma, values: Options, id: string | undefined) => Promise<string[]>

const actions = new Map<string | undefined, Action>([
  ['create', create],
  ['list', list],
  ['revoke', revoke],
])

export const keysCommand: Command = async (context) => {
  const { values, positionals } = readArguments(context.args)
  if (values.help) return context.print(usage)
  const [name, id] = positionals
  const act = actions.get(name)
  if (!act) throw new ConfigurationError(usage)
  await withDatabase(context, 'keys', async ({ prisma }) => {
    for (const line of await act(prisma, values, id)) context.print(line)
  })
}

function readArguments(args: string[]) {
  return parseArguments({ args, options, allowPositionals: true }, usage)
}

async function create(prisma: Prisma, options: Options): Promise<string[]> {
  const { account, live, name, expires, 'new-account': newAccount } = options
  // Before anything is made: what cannot be read changes nothing.
  const expiresAt = expiryOf(expires)
  const accountId =
    newAccount === undefined ? await findAccount(prisma, account) : await createAccount(prisma, newAccount)
  const { apiKey, secret } = await createApiKey(prisma, { accountId, livemode: live, name, expiresAt })
  return [`${apiKey.id}  ${accountId}  shown once:`, secret]
}

/** The last year that RFC 3339 can express. */
const maxYear = 9999

function expiryOf(duration: string | undefined): Date | null {
  if (duration === undefined) return null
  const now = Temporal.Now.zonedDateTimeISO('UTC')
  try {
    const life = Temporal.Duration.from(duration)
    const end = now.add(life)
    if (life.sign > 0 && end.year <= maxYear) return new Date(end.epochMilliseconds)
  } catch {
    // Reported below, together with durations that are not positive or too long.
  }
  throw new ConfigurationError(
    `--expires ${duration} is not a positive ISO 8601 duration that ends by the year ${maxYear}. Give one such as P30D or P1Y.`,
  )
}

async function list(prisma: Prisma, { account }: Options): Promise<string[]> {
  const keys = await prisma.apiKey.findMany({
    ...(account && { where: { accountId: account } }),
    orderBy: { id: 'asc' },
  })
  if (keys.length === 0) return ['There are no keys yet.']
  return keys.map((key) => {
    const state = key.revokedAt ? `revoked ${key.revokedAt.toISOString()}` : 'not revoked'
    const use = key.lastUsedAt ? `last used ${key.lastUsedAt.toISOString()}` : 'not used'
    const expiry = key.expiresAt ? `expires ${key.expiresAt.toISOString()}` : 'does not expire'
    return [
      key.id,
      key.accountId,
      key.livemode ? 'live' : 'test',
      `…${key.lastFour}`,
      state,
      expiry,
      use,
      key.name,
    ].join('  ')
  })
}

async function revoke(prisma: Prisma, _values: Options, id: string | undefined): Promise<string[]> {
  if (!id) throw new ConfigurationError(`No key id is given. Usage:\n${usage}`)
  const { revokedAt } = await revokeApiKey(prisma, id)
  return [`${id} was revoked at ${revokedAt?.toISOString()}.`]
}

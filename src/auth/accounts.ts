import { ConfigurationError, NotFoundError } from '../errors.ts'
import { idPrefixes, newId } from '../ids.ts'
import type { Prisma } from '../postgres/client.ts'

export async function createAccount(prisma: Prisma, name: string): Promise<string> {
  const { id } = await prisma.account.create({ data: { id: newId(idPrefixes.account, new Date()), name } })
  return id
}

/**
 * Returns the id of the given account, or of the only account when no id is given. Creates the first account when there is
 * none.
 *
 * @throws NotFoundError when the account does not exist
 * @throws ConfigurationError when no id is given and there are several accounts
 */
export async function findAccount(prisma: Prisma, id: string | undefined): Promise<string> {
  const accounts = await prisma.account.findMany({
    ...(id && { where: { id } }),
    take: 2,
    orderBy: { id: 'asc' },
  })
  const [only, another] = accounts
  if (id && !only) throw new NotFoundError(`Account ${id} does not exist.`)
  if (another) throw new ConfigurationError('There are several accounts. Select one with --account acct_….')
  if (only) return only.id
  return createAccount(prisma, 'Default')
}

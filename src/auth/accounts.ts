import { ConfigurationError, NotFoundError } from '../errors.ts'
import { idPrefixes, newId } from '../ids.ts'
import type { Prisma } from '../postgres/client.ts'

export async function createAccount(prisma: Prisma, name: string): Promise<string> {
  const { id } = await prisma.account.create({ data: { id: newId(idPrefixes.account, new Date()), name } })
  return id
}

/**
 * The id of the account named, or of the only one there is; the first one is made when there is none.
 *
 * @throws NotFoundError when there is no such account
 * @throws ConfigurationError when none is named and there are several
 */
export async function findAccount(prisma: Prisma, id: string | undefined): Promise<string> {
  const accounts = await prisma.account.findMany({
    ...(id && { where: { id } }),
    take: 2,
    orderBy: { id: 'asc' },
  })
  const [only, another] = accounts
  if (id && !only) throw new NotFoundError(`There is no account ${id}.`)
  if (another) throw new ConfigurationError('There are several accounts. Name one: --account acct_…')
  if (only) return only.id
  return createAccount(prisma, 'Default')
}

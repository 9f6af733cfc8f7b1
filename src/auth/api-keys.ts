import { createHash, timingSafeEqual } from 'node:crypto'
import { AuthenticationError, NotFoundError } from '../errors.ts'
import { idPrefixes, newId, randomWord } from '../ids.ts'
import type { Prisma } from '../postgres/client.ts'
import type { ApiKey } from '../postgres/generated/prisma/client.ts'
import { modeOf, type Viewer } from '../tenant.ts'

// `sk_test_` or `sk_live_`, then the key's id without its prefix (25 letters), then the secret (52 letters, 260 bits).
const secretLength = 52

const keyPattern = /^sk_(test|live)_([0-9a-z]{25})([0-9a-z]{52})$/

/** `expiresAt` is when it stops working; null means never. */
type NewKey = Pick<ApiKey, 'accountId' | 'livemode' | 'name'> & Partial<Pick<ApiKey, 'expiresAt'>>

/** Makes an API key. The secret is returned once and cannot be read again. */
export async function createApiKey(
  prisma: Prisma,
  { accountId, livemode, name, expiresAt = null }: NewKey,
): Promise<{ apiKey: ApiKey; secret: string }> {
  const createdAt = new Date()
  const id = newId(idPrefixes.apiKey, createdAt)
  const secret = `sk_${modeOf({ livemode })}_${id.slice(idPrefixes.apiKey.length + 1)}${randomWord(secretLength)}`
  const apiKey = await prisma.apiKey.create({
    data: {
      id,
      accountId,
      livemode,
      name,
      lastFour: secret.slice(-4),
      secretHash: new Uint8Array(hash(secret)),
      createdAt,
      expiresAt,
    },
  })
  return { apiKey, secret }
}

export function isActive(
  { revokedAt, expiresAt }: Pick<ApiKey, 'revokedAt' | 'expiresAt'>,
  now: Date,
): boolean {
  return revokedAt === null && (expiresAt === null || expiresAt > now)
}

/** The viewer that a secret proves, or null when it is malformed, unknown, revoked or expired. */
export async function verifyApiKey(prisma: Prisma, secret: string, now: Date): Promise<Viewer | null> {
  const [, mode, idPart] = keyPattern.exec(secret) ?? []
  if (!idPart) return null
  const apiKey = await prisma.apiKey.findUnique({ where: { id: `${idPrefixes.apiKey}_${idPart}` } })
  if (!apiKey || !timingSafeEqual(apiKey.secretHash, hash(secret))) return null
  if (apiKey.livemode !== (mode === 'live')) return null
  const { accountId, livemode, id: apiKeyId } = apiKey
  return isActive(apiKey, now) ? { accountId, livemode, apiKeyId } : null
}

/** @throws NotFoundError when there is no such key */
export async function revokeApiKey(prisma: Prisma, id: string): Promise<ApiKey> {
  const apiKey = await prisma.apiKey.findUnique({ where: { id } })
  if (!apiKey)
    throw new NotFoundError(`There is no API key ${id}; \`npm run keys -- list\` shows those that exist.`)
  if (apiKey.revokedAt) return apiKey
  return prisma.apiKey.update({ where: { id }, data: { revokedAt: new Date() } })
}

/**
 * The API key in an `Authorization` value: `Bearer KEY`, or `Basic` with the key as user name and no password, as
 * curl's `-u KEY:` sends it.
 *
 * @returns null when there is no value at all
 * @throws AuthenticationError when there is one in another form; the message holds nothing of it
 */
export function readAuthorization(value: string | null | undefined): string | null {
  if (!value) return null
  const [, scheme = '', credentials = ''] = /^(\S+)\s+(\S+)\s*$/.exec(value) ?? []
  if (/^bearer$/i.test(scheme)) return credentials
  if (/^basic$/i.test(scheme)) {
    return Buffer.from(credentials, 'base64').toString('utf8').replace(/:.*$/s, '')
  }
  throw new AuthenticationError(
    'The Authorization header is of no form that is accepted. Send "Bearer" and an API key, or Basic with the key as user name.',
  )
}

/** The same from the payload of a WebSocket's `connection_init`: its `authorization`, in any case. */
export function readConnectionParams(params: Readonly<Record<string, unknown>> | undefined): string | null {
  const entry = Object.entries(params ?? {}).find(([name]) => name.toLowerCase() === 'authorization')
  if (!entry) return null
  const [, value] = entry
  if (typeof value !== 'string')
    throw new AuthenticationError('connectionParams.authorization has to be a string.')
  return readAuthorization(value)
}

// A fast hash is enough: there is nothing to guess in 260 random bits.
function hash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

import { createHash, timingSafeEqual } from 'node:crypto'
import { AuthenticationError, NotFoundError } from '../errors.ts'
import { idPrefixes, newId, randomWord } from '../ids.ts'
import type { Prisma } from '../postgres/client.ts'
import type { ApiKey } from '../postgres/generated/prisma/client.ts'
import { createRowLoader } from '../postgres/shared-loader.ts'
import { modeOf, type Viewer } from '../tenant.ts'

// A key is `sk_test_` or `sk_live_`, the id without its prefix (25 characters), and the secret (52 characters, 260 bits).
const secretLength = 52

const keyPattern = /^sk_(test|live)_([0-9a-z]{25})([0-9a-z]{52})$/

/** `expiresAt` null means that the key never expires. */
type NewKey = Pick<ApiKey, 'accountId' | 'livemode' | 'name'> & Partial<Pick<ApiKey, 'expiresAt'>>

/** Finds an API key by its id; null when there is none. */
export type FindKey = (id: string) => Promise<ApiKey | null>

/** Creates a finder for all requests of the process: however many clients connect at once, few reads find their keys. */
export function createKeyFinder(prisma: Pick<Prisma, 'apiKey'>): FindKey {
  return createRowLoader((ids) => prisma.apiKey.findMany({ where: { id: { in: ids } } }))
}

/** Creates an API key. The database keeps only a hash of the secret, so it cannot be read again. */
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

/** Returns the viewer that a key authenticates, or null when the key is malformed, unknown, revoked or expired. */
export async function verifyApiKey(findKey: FindKey, secret: string, now: Date): Promise<Viewer | null> {
  const [, mode, idPart] = keyPattern.exec(secret) ?? []
  if (!idPart) return null
  const apiKey = await findKey(`${idPrefixes.apiKey}_${idPart}`)
  if (!apiKey || !timingSafeEqual(apiKey.secretHash, hash(secret))) return null
  if (apiKey.livemode !== (mode === 'live')) return null
  const { accountId, livemode, id: apiKeyId } = apiKey
  return isActive(apiKey, now) ? { accountId, livemode, apiKeyId } : null
}

/** @throws NotFoundError when the key does not exist */
export async function revokeApiKey(prisma: Prisma, id: string): Promise<ApiKey> {
  const apiKey = await prisma.apiKey.findUnique({ where: { id } })
  if (!apiKey)
    throw new NotFoundError(`API key ${id} does not exist. \`npm run keys -- list\` lists all keys.`)
  if (apiKey.revokedAt) return apiKey
  return prisma.apiKey.update({ where: { id }, data: { revokedAt: new Date() } })
}

/**
 * Reads the API key from an `Authorization` value: `Bearer KEY`, or `Basic` with the key as user name and no password, as
 * curl's `-u KEY:` sends it.
 *
 * @returns null when the value is absent or empty
 * @throws AuthenticationError when the value has another form; the message contains no part of the value
 */
export function readAuthorization(value: string | null | undefined): string | null {
  if (!value) return null
  const [, scheme = '', credentials = ''] = /^(\S+)\s+(\S+)\s*$/.exec(value) ?? []
  if (/^bearer$/i.test(scheme)) return credentials
  if (/^basic$/i.test(scheme)) {
    return Buffer.from(credentials, 'base64').toString('utf8').replace(/:.*$/s, '')
  }
  throw new AuthenticationError(
    'The Authorization header is not valid. Send "Bearer" and an API key, or Basic with the key as user name.',
  )
}

/**
 * Reads the API key from the payload of a WebSocket's `connection_init`: from `authorization` or `headers.authorization`, in
 * any letter case.
 *
 * @returns null when the payload has no key
 * @throws AuthenticationError when a value is malformed, or the payload has different keys
 */
export function readConnectionParams(params: Readonly<Record<string, unknown>> = {}): string | null {
  const headers = params.headers instanceof Object ? params.headers : {}
  const values = [...Object.entries(params), ...Object.entries(headers)]
    .filter(([name]) => name.toLowerCase() === 'authorization')
    .map(([, value]) => value)
  if (!values.every((value) => typeof value === 'string'))
    throw new AuthenticationError('connectionParams.authorization must be a string.')
  const [key = null, another] = new Set(values.flatMap((value) => readAuthorization(value) ?? []))
  if (another !== undefined)
    throw new AuthenticationError('connectionParams contains different API keys. Send one of them.')
  return key
}

// A fast hash is enough: 260 random bits cannot be guessed.
function hash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

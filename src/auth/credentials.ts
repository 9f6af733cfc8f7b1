import { AuthenticationError } from '../errors.ts'

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
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return credentials
    case 'basic':
      return Buffer.from(credentials, 'base64').toString('utf8').replace(/:.*$/s, '')
    default:
      throw new AuthenticationError(
        'The Authorization header is of no form that is accepted. Send "Bearer" and an API key, or Basic with the key as user name.',
      )
  }
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

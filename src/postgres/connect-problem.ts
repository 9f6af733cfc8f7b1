import { DatabaseError } from 'pg'
import { type PostgresAddress, readPostgresUrl } from '../config/postgres-url.ts'
import { codeOf } from '../errors.ts'

/** The place that a URL names, for messages; without the password. */
export function placeOf(url: string): string {
  const { host, port, database } = readPostgresUrl(url)
  const name = host?.includes(':') ? `[${host}]` : host
  return `the database ${database ?? "of the login's name"} at ${name ?? 'localhost'}${port ? `:${port}` : ''}`
}

/**
 * Why a connection cannot be opened, and the way out.
 *
 * @returns sentences without a dot at the end
 */
export function connectProblem(url: string, error: unknown): string {
  const message = messageOf(error)
  // The message of `pg` speaks of its own parameters.
  if (message.endsWith('client password must be a string'))
    return 'the URL must have the password of the user'
  const address = readPostgresUrl(url)
  const advice =
    error instanceof DatabaseError ? adviceOfServer(error, address) : adviceOfNetwork(error, address)
  return advice ? `${message}. ${advice}` : message
}

/** Node gives an error for several addresses of a host no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join(', ')
  return error instanceof Error && error.message ? error.message.replace(/\.$/, '') : String(error)
}

function adviceOfServer({ code, message }: DatabaseError, address: PostgresAddress): string | null {
  if (code === '3D000') return "Create it with: create database … encoding 'UTF8' template template0"
  if (code === '28P01') {
    return 'Check the user name and the password. In the URL, special characters are percent-encoded: %40 for @, %2F for /, %23 for #'
  }
  if (code === '28000' && message.includes('certificate')) {
    return 'Name the certificate of this client with sslcert and sslkey'
  }
  if (code === '28000' && message.includes('no encryption')) {
    return 'If the server requires TLS, add ?sslmode=verify-full, and sslrootcert=FILE for a private CA'
  }
  if (code === '28000' && address.user === null) return 'Name the user in the URL'
  if (code === '53300') {
    return 'Raise the limit of the login or of the server, or lower DATABASE_CONNECTIONS of the other processes'
  }
  if (code === '42501') return `As an administrator: grant connect on database … to ${address.user ?? '…'}`
  if (message.includes('startup parameter')) {
    return 'Remove the parameter "options" from the URL, or add it to ignore_startup_parameters of PgBouncer'
  }
  return null
}

/** Error codes of Node for a certificate that no known CA has signed. */
const unknownCa = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

function adviceOfNetwork(error: unknown, { tls, host }: PostgresAddress): string | null {
  const code = codeOf(error instanceof AggregateError ? error.errors[0] : error)
  if (unknownCa.has(code)) {
    const given = tls?.rootFile ? `The file ${tls.rootFile} is not that of its CA. ` : ''
    return `${given}No known CA has signed the certificate of the server. Name the file of its CA: sslmode=verify-full&sslrootcert=FILE. To encrypt without checking the server: sslmode=no-verify`
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return 'Use a host name that the certificate has, or sslmode=verify-ca to check only the CA'
  }
  if (code === 'CERT_HAS_EXPIRED') return 'Renew the certificate of the server'
  const message = messageOf(error)
  if (message.includes('does not support SSL')) {
    return 'Turn TLS on in the server, or write sslmode=disable to connect without encryption'
  }
  if (code === 'ENOENT' && host?.startsWith('/')) return 'The host must be the folder of the Unix socket'
  if (code === 'ECONNREFUSED') return 'Check the host and the port, and that Postgres runs and listens there'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'Check the host name'
  return /timeout/.test(message) ? 'Nothing answered in time. Check the host, the port and firewalls' : null
}

/** Where Postgres is and how to log in, as the URL in `DATABASE_URL` says. Null where the URL does not say. */
export type PostgresAddress = {
  /** Host name, IP address without brackets, or the folder of a Unix socket. */
  host: string | null
  port: number | null
  user: string | null
  password: string | null
  database: string | null
  /** `-c name=value` for the start of a session. */
  options: string | null
  tls: PostgresTls | null
  /** Whether to bind the login to the TLS connection, where the server offers that. */
  bindsChannel: boolean
  /** Maximum time to connect, in seconds. */
  connectSeconds: number | null
}

/**
 * How the connection is encrypted. `verify-full` checks the certificate and the host name, `verify-ca` only the
 * certificate, `no-verify` nothing.
 */
export type PostgresTls = {
  mode: 'off' | 'no-verify' | 'verify-ca' | 'verify-full'
  /** Whether TLS starts without a request in the clear, as Postgres 17 accepts it. */
  isDirect: boolean
  /** Files with the CA's certificate, and with the certificate and the key of this client. */
  rootFile: string | null
  certificateFile: string | null
  keyFile: string | null
  keyPassword: string | null
}

/** A URL that cannot be used. The message is the predicate of a sentence, and contains no part of a password. */
export class PostgresUrlError extends Error {
  override readonly name = 'PostgresUrlError'
}

const wantedForm = 'must have the form postgres://USER:PASSWORD@HOST:PORT/DATABASE'

const encodingAdvice =
  'has a character that must be percent-encoded. In the user name and the password, write %40 for @, %2F for /, %3A for :, %23 for #, %3F for ?, %25 for % and %20 for a space'

const modes = {
  disable: 'off',
  allow: 'verify-full',
  prefer: 'verify-full',
  require: 'verify-full',
  'verify-ca': 'verify-ca',
  'verify-full': 'verify-full',
  'no-verify': 'no-verify',
} as const

/** Parameters that have an effect; each is that of libpq, except `sslmode=no-verify`. */
const parameters = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'options',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'sslnegotiation',
  'channel_binding',
  'connect_timeout',
] as const

/** Parameters of libpq that many URLs have, and that change nothing here: one host is all there is, for example. */
const ignored = [
  'application_name',
  'fallback_application_name',
  'client_encoding',
  'gssencmode',
  'keepalives',
  'keepalives_count',
  'keepalives_idle',
  'keepalives_interval',
  'load_balance_hosts',
  'sslcompression',
  'sslsni',
  'target_session_attrs',
  'tcp_user_timeout',
]

type Parameters = Partial<Record<string, string>>

/**
 * Reads a URL as libpq does. A raw `@`, `/`, `#` or `?` in a password is refused, because programs disagree about what it
 * means, and a guess could show a part of the password as the host.
 *
 * @throws PostgresUrlError
 */
export function readPostgresUrl(text: string): PostgresAddress {
  const rest = /^postgres(?:ql)?:\/\/(.*)$/is.exec(text.trim())?.[1]
  if (rest === undefined) throw new PostgresUrlError(wantedForm)
  const [place = '', query = ''] = splitOnce(rest, '?')
  const [authority = '', path = ''] = splitOnce(place, '/')
  const [login, servers] = authority.includes('@') ? splitOnce(authority, '@') : ['', authority]
  if (/[#\s]/.test(rest) || /[@/]/.test(path) || query.includes('@') || servers.includes('@')) {
    throw new PostgresUrlError(encodingAdvice)
  }
  const given = readParameters(query)
  const [user, password] = splitOnce(login, ':').map(decode)
  if (password && !user) throw new PostgresUrlError(wantedForm)
  const { host, port } = readServer(servers, given)
  return {
    host,
    port,
    user: given.user ?? (user || null),
    password: given.password ?? (password || null),
    database: given.dbname ?? (decode(path) || null),
    options: given.options ?? null,
    tls: readTls(given),
    bindsChannel: given.channel_binding === 'require' || given.channel_binding === 'prefer',
    connectSeconds: readNumber('connect_timeout', given.connect_timeout, 3_600) || null,
  }
}

function readParameters(query: string): Parameters {
  const pairs = query === '' ? [] : query.split('&').map((pair) => splitOnce(pair, '=').map(decode))
  const given: Parameters = {}
  for (const [name = '', value = ''] of pairs) {
    // As node-postgres writes it.
    if (name === 'ssl') given.sslmode ??= /^(true|1)$/.test(value) ? 'require' : 'disable'
    else if (isOneOf(parameters, name)) given[name] = value
    else if (!isOneOf(ignored, name)) {
      const shown = /^[a-z_]{1,40}$/i.test(name) ? `the parameter ${name}` : 'a parameter'
      throw new PostgresUrlError(`has ${shown}, which is not supported. Use only ${parameters.join(', ')}`)
    }
  }
  return given
}

/** The host and port of an authority such as `db:5432` or `[::1]`, unless the parameters name others. */
function readServer(servers: string, given: Parameters): Pick<PostgresAddress, 'host' | 'port'> {
  if (`${servers}${given.host ?? ''}`.includes(',')) {
    throw new PostgresUrlError(
      'names several hosts, and one is supported. Name an address that always leads to the primary, such as that of a proxy or a load balancer',
    )
  }
  const found = /^(?:\[(?<bracketed>[0-9a-f:.%]+)\]|(?<plain>[^:[\]]*))(?::(?<port>\d*))?$/i.exec(servers)
  if (!found) throw new PostgresUrlError(wantedForm)
  const { bracketed, plain = '', port } = found.groups ?? {}
  const host = given.host ?? bracketed ?? decode(plain)
  if (!/^([\w.:%-]*|\/.*)$/.test(host)) throw new PostgresUrlError(wantedForm)
  return { host: host || null, port: readNumber('port', given.port || port, 65_535) }
}

function readTls(given: Parameters): PostgresTls | null {
  const { sslmode, sslnegotiation } = given
  const names = ['sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation'] as const
  const first = names.find((name) => given[name] !== undefined)
  if (sslmode === undefined) {
    if (first) throw new PostgresUrlError(`has ${first} without sslmode. Add sslmode=verify-full`)
    return null
  }
  const known = Object.entries(modes).find(([name]) => name === sslmode)
  if (!known) {
    throw new PostgresUrlError(`has an unknown sslmode. Use one of ${Object.keys(modes).join(', ')}`)
  }
  if ((given.sslcert === undefined) !== (given.sslkey === undefined)) {
    throw new PostgresUrlError('must have both sslcert and sslkey, or neither')
  }
  return {
    mode: known[1],
    isDirect: sslnegotiation === 'direct',
    // `system` is the default: the CAs that Node knows.
    rootFile: given.sslrootcert === 'system' ? null : (given.sslrootcert ?? null),
    certificateFile: given.sslcert ?? null,
    keyFile: given.sslkey ?? null,
    keyPassword: given.sslpassword ?? null,
  }
}

function readNumber(name: string, text: string | undefined, most: number): number | null {
  if (!text) return null
  if (/^\d{1,9}$/.test(text) && Number(text) <= most) return Number(text)
  // A password with a raw character can stand where the port is expected, so it is not shown.
  throw new PostgresUrlError(`has a ${name} that is not a number from 0 to ${most}`)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new PostgresUrlError(encodingAdvice)
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function isOneOf<Word extends string>(words: readonly Word[], word: string): word is Word {
  return words.some((one) => one === word)
}

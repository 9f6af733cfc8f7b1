import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { ClientConfig } from 'pg'
import { type PostgresTls, readPostgresUrl } from '../config/postgres-url.ts'
import { codeOf } from '../errors.ts'

type Target = ClientConfig & { sslnegotiation?: string; enableChannelBinding?: boolean }

/**
 * Where `pg` connects to, and how. The URL is not passed on as text, because `pg` reads some parameters differently from
 * libpq, and writes warnings about `sslmode` to standard error.
 *
 * @throws PostgresUrlError when the URL cannot be used, Error when a file that it names cannot be read
 */
export function targetOf(url: string): Target {
  const { host, port, user, password, database, options, tls, bindsChannel } = readPostgresUrl(url)
  return {
    ...(host && { host }),
    ...(port && { port }),
    ...(user && { user }),
    ...(password && { password }),
    ...(database && { database }),
    ...(options && { options }),
    ...(tls && { ssl: tls.mode === 'off' ? false : tlsOptions(tls) }),
    ...(tls?.isDirect && { sslnegotiation: 'direct' }),
    ...(bindsChannel && { enableChannelBinding: true }),
  }
}

function tlsOptions({
  mode,
  rootFile,
  certificateFile,
  keyFile,
  keyPassword,
}: PostgresTls): ConnectionOptions {
  return {
    rejectUnauthorized: mode !== 'no-verify',
    // The check of the CA remains.
    ...(mode === 'verify-ca' && { checkServerIdentity: () => undefined }),
    ...(rootFile && { ca: readTlsFile('sslrootcert', rootFile) }),
    ...(certificateFile && { cert: readTlsFile('sslcert', certificateFile) }),
    ...(keyFile && { key: readTlsFile('sslkey', keyFile) }),
    ...(keyPassword && { passphrase: keyPassword }),
  }
}

function readTlsFile(parameter: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new Error(
      `The file ${path}, which ${parameter} names, cannot be read (${codeOf(cause) || String(cause)}).`,
      { cause },
    )
  }
}

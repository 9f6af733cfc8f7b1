import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool } from '../../src/postgres/client.ts'
import { openDatabase } from '../../src/postgres/open-database.ts'
import { describeWith, pathOf } from '../support/debian-tools.ts'
import { type Postgres15, startPostgres15 } from '../support/postgres15.ts'
import { makeUnprivilegedFolder, runUnprivileged } from '../support/unprivileged.ts'

const noSignal = new AbortController().signal
const hardPassword = 'p@ss/w#rd?100%:[x]'

/** Opens the database as a start does; returns the error's message, or an empty string. */
async function open(databaseUrl: string): Promise<string> {
  const opened = openDatabase({ databaseUrl, dataDir: 'none' }, () => {}, noSignal)
  return opened.then(() => '', String)
}

/** A private CA, a certificate of a server named `localhost`, and one of the client `cert_user`. */
async function makeCertificates(folder: string): Promise<void> {
  const openssl = (...args: string[]) => runUnprivileged(pathOf('openssl'), args)
  const at = (name: string): string => join(folder, name)
  const key = ['-newkey', 'rsa:2048', '-nodes']
  await openssl('req', '-x509', ...key, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=Test CA')
  await openssl('req', '-x509', ...key, '-keyout', at('o.key'), '-out', at('other.pem'), '-subj', '/CN=Other')
  await writeFile(at('names.cnf'), 'subjectAltName = DNS:localhost')
  const sign = async (name: string, subject: string, extensions: readonly string[]): Promise<void> => {
    await openssl('req', ...key, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', subject)
    const ca = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial']
    await openssl('x509', '-req', '-in', at(`${name}.csr`), ...ca, '-out', at(`${name}.pem`), ...extensions)
  }
  await sign('server', '/CN=localhost', ['-extfile', at('names.cnf')])
  await sign('client', '/CN=cert_user', [])
}

describeWith(['postgres15', 'openssl'], 'a DATABASE_URL of a PostgreSQL 15 with TLS', () => {
  const cleanup = new AsyncDisposableStack()
  let postgres: Postgres15
  let folder: string
  beforeAll(async () => {
    folder = cleanup.use(await makeUnprivilegedFolder()).path
    await makeCertificates(folder)
    const file = (name: string): string => join(folder, name)
    postgres = cleanup.use(
      await startPostgres15({
        settings: {
          ssl: 'on',
          ssl_cert_file: file('server.pem'),
          ssl_key_file: file('server.key'),
          ssl_ca_file: file('ca.pem'),
        },
        hba: [
          'hostssl all cert_user all cert',
          'hostssl all tls_user all scram-sha-256',
          'hostnossl all tls_user all reject',
        ],
      }),
    )
    const { query } = postgres.database
    await query(`create role tls_user login password 'not-secret'`)
    await query('create role cert_user login')
    await query(`create role hard_user login password '${hardPassword}'`)
    for (const encoding of ['LATIN1', 'SQL_ASCII']) {
      await query(`create database ${encoding} encoding '${encoding}' template template0`)
    }
  })
  afterAll(() => cleanup.disposeAsync())

  /** A URL by the host name of the certificate. */
  function urlOf(user: string, query: string, host = 'localhost'): string {
    const url = new URL(postgres.urlOf({ user }))
    url.hostname = host
    return `${url.href}?${query.replaceAll('DIR', folder)}`
  }

  test('encrypts and checks as sslmode says', async () => {
    for (const mode of [
      'sslmode=verify-full&sslrootcert=DIR/ca.pem',
      'sslmode=require&sslrootcert=DIR/ca.pem',
      'sslmode=no-verify',
    ]) {
      const url = urlOf('tls_user', mode)
      expect(await open(url)).toBe('')
      const pool = createPool({ url, max: 1, applicationName: 'test', onError: () => {} })
      const { rows } = await pool.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
      expect(rows).toEqual([{ ssl: true }])
      await pool.end()
    }
    expect(await open(urlOf('tls_user', 'sslmode=verify-ca&sslrootcert=DIR/ca.pem', '127.0.0.1'))).toBe('')
    expect(await open(urlOf('postgres', 'sslmode=disable'))).toBe('')
    const certificate =
      'sslmode=verify-full&sslrootcert=DIR/ca.pem&sslcert=DIR/client.pem&sslkey=DIR/client.key'
    expect(await open(urlOf('cert_user', certificate))).toBe('')
  })

  test.each([
    ['an unknown CA', 'tls_user', 'sslmode=require', 'sslmode=verify-full&sslrootcert=FILE'],
    ['another CA', 'tls_user', 'sslmode=verify-full&sslrootcert=DIR/other.pem', 'is not that of its CA'],
    ['a missing file', 'tls_user', 'sslmode=verify-full&sslrootcert=DIR/no.pem', 'no.pem, which sslrootcert'],
    ['no TLS', 'tls_user', 'connect_timeout=5', 'add ?sslmode=verify-full'],
    ['no certificate', 'cert_user', 'sslmode=no-verify', 'with sslcert and sslkey'],
    ['a wrong password', 'no_user', 'sslmode=no-verify', 'Check the user name and the password'],
  ])('with %s is refused with a sentence', async (_what, user, query, advice) => {
    const refusal = await open(urlOf(user, query))
    expect(refusal).toMatch(
      /^ConfigurationError: Cannot use the database reports at localhost:\d+, which DATABASE_URL /,
    )
    expect(refusal).toContain(advice)
    expect(refusal).not.toContain('not-secret')
  })

  test('with a host name that the certificate lacks is refused with a sentence', async () => {
    const refusal = await open(urlOf('tls_user', 'sslmode=verify-full&sslrootcert=DIR/ca.pem', '127.0.0.1'))
    expect(refusal).toContain('Use a host name that the certificate has, or sslmode=verify-ca')
  })

  test('can name a Unix socket, a password with special characters, and another database', async () => {
    const { port, socketFolder } = postgres
    const encoded = encodeURIComponent(hardPassword)
    for (const url of [
      `postgres://hard_user:${encoded}@/reports?host=${socketFolder}&port=${port}`,
      `postgres://hard_user:${encoded}@${encodeURIComponent(socketFolder)}:${port}/reports`,
      `postgres:///?host=127.0.0.1&port=${port}&user=hard_user&password=${encoded}&dbname=reports`,
    ]) {
      expect(await open(url)).toBe('')
    }
    expect(await open(postgres.urlOf({ database: 'none' }))).toContain('Create it with: create database')
    const elsewhere = await open(`postgres://u@/reports?host=${socketFolder}/none`)
    expect(elsewhere).toContain('The host must be the folder of the Unix socket')
  })

  test.each(['latin1', 'sql_ascii'])('with a database in %s is refused with a sentence', async (database) => {
    expect(await open(postgres.urlOf({ database }))).toMatch(
      new RegExp(
        `its encoding is ${database}, and UTF8 is required.*encoding 'UTF8' template template0`,
        'i',
      ),
    )
  })

  test('of a standby is refused with a sentence', async () => {
    await using standby = await startPostgres15({ standbyOf: postgres, settings: { ssl: 'off' } })
    expect(await open(standby.database.url)).toContain(
      'it is a standby, which is read-only. Name the primary',
    )
    const url = `${standby.database.url}?sslmode=require`
    expect(await open(url)).toContain('Turn TLS on in the server, or write sslmode=disable')
  })
})

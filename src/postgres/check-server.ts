import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { ConfigurationError } from '../errors.ts'
import { createConnection } from './client.ts'
import { connectProblem, placeOf } from './connect-problem.ts'

export type ServerUse = {
  /** The variable that holds the URL, for messages. */
  variable: 'DATABASE_URL' | 'REPORTS_DATABASE_URL' | 'LEDGER_DATABASE_URL'
  /** Whether the gateway's own tables are there, for which the server must be recent and writable. */
  isOwn: boolean
}

const minVersion = 15

/**
 * How often two connections ask for their server process. Each time makes it less probable that they got the same ones by
 * chance from a pooler with many connections.
 */
const pidRounds = 20
const maxPauseMilliseconds = 3

type Facts = { version: string; encoding: string; isStandby: boolean; isReadOnly: boolean; pid: number }

/**
 * Checks that a server can be used.
 *
 * @throws ConfigurationError with the reason and the way out; without a password
 */
export async function checkServer(url: string, { variable, isOwn }: ServerUse): Promise<void> {
  const refuse = (why: string, cause?: unknown): never => {
    throw new ConfigurationError(`Cannot use ${placeOf(url)}, which ${variable} names: ${why}.`, { cause })
  }
  await using clients = new AsyncDisposableStack()
  const connect = async (): Promise<Client> => {
    const client = createConnection(url, 'report-gateway start')
    clients.defer(() => client.end())
    await client.connect()
    return client
  }
  try {
    const client = await connect()
    const facts = await readFacts(client)
    const problem = isOwn ? problemOf(facts) : null
    if (problem) refuse(problem)
    // A pooler gives its own number to a client, and a direct connection has that of the server process.
    if (processIdOf(client) === facts.pid) return
    if (!(await haveOwnSessions([client, await connect()]))) {
      refuse(
        'a connection pooler in front of it gives each transaction another session, and the gateway needs sessions that last. ' +
          'In PgBouncer, set pool_mode = session for this database and user, or connect to Postgres directly',
      )
    }
  } catch (error) {
    if (error instanceof ConfigurationError) throw error
    refuse(connectProblem(url, error), error)
  }
}

async function readFacts(client: Client): Promise<Facts> {
  const { rows } = await client.query<Facts>(`
    select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding,
      pg_is_in_recovery() as "isStandby", current_setting('transaction_read_only') = 'on' as "isReadOnly",
      pg_backend_pid() as pid`)
  const [facts] = rows
  if (!facts) throw new Error('The server gave no answer')
  return facts
}

function problemOf({ version, encoding, isStandby, isReadOnly }: Facts): string | null {
  const major = Math.floor(Number(version) / 10_000)
  if (major < minVersion) return `it is Postgres ${major}, and ${minVersion} or newer is required`
  if (encoding !== 'UTF8') {
    return `its encoding is ${encoding}, and UTF8 is required. Create another database: create database … encoding 'UTF8' template template0`
  }
  if (isStandby) return 'it is a standby, which is read-only. Name the primary'
  return isReadOnly
    ? 'it is read-only, because default_transaction_read_only is on. Turn that off for the database or the server'
    : null
}

/** False when connections share server processes, as with transaction and statement pooling. */
async function haveOwnSessions([first, second]: readonly [Client, Client]): Promise<boolean> {
  const pids = new Set<number>()
  for (let round = 0; round < pidRounds; round++) {
    // In turn, the second would get what the first has released. At different moments, because other clients have a rhythm.
    const [own, other] = [await pidOf(first), await pidOf(second)]
    if (own === other) return false
    pids.add(own).add(other)
    if (pids.size > 2) return false
    await delay(Math.random() * maxPauseMilliseconds)
  }
  return true
}

async function pidOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid ?? 0
}

function processIdOf(client: Client): unknown {
  // `pg` has the number that the server sent at the login, and its types do not.
  return 'processID' in client ? client.processID : null
}

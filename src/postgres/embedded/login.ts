import pg from 'pg'
import { recordPath } from './record.ts'

const QUERY_TIMEOUT_MS = 15_000
/** SQLSTATEs that no waiting mends: invalid_authorization_specification, invalid_password. */
const REFUSALS = ['28000', '28P01']

export type Login =
  | { client: pg.Client }
  /** `answered`: a server spoke, but would not let us in for now (starting, stopping, no free connection). */
  | { client?: never; answered: boolean; error: unknown }

/**
 * One attempt to open a session with the database `postgres` on 127.0.0.1.
 *
 * @throws when the server refuses the password
 */
export async function tryLogin(
  port: number,
  { dataDir, password }: { dataDir: string; password: string },
  { log, timeoutMs = 5000 }: { log: (message: string) => void; timeoutMs?: number },
): Promise<Login> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    database: 'postgres',
    // Otherwise the variable PGSSLMODE, meant for another server, would decide.
    ssl: false,
    application_name: 'report-gateway holder',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: QUERY_TIMEOUT_MS,
  })
  // Without a listener the loss of this session would end the process.
  client.on('error', (error) =>
    log(`The session that holds the embedded Postgres open was lost: ${error.message}`),
  )
  try {
    await client.connect()
    return { client }
  } catch (error) {
    const answered = error instanceof pg.DatabaseError
    if (answered && REFUSALS.includes(error.code ?? '')) {
      throw new Error(`The embedded Postgres refuses the password in ${recordPath(dataDir)}.`, {
        cause: error,
      })
    }
    return { answered, error }
  }
}

import type { Config } from '../config/config.ts'
import { ConfigurationError } from '../errors.ts'
import { createConnection } from './client.ts'
import { openEmbeddedPostgres } from './embedded/embedded-postgres.ts'

export type Database = {
  url: string
  close(): Promise<void>
}

const minVersion = 15

/**
 * Opens the Postgres that the configuration names, or else the embedded one, which is started when necessary.
 *
 * @throws ConfigurationError when the server cannot be used
 */
export async function openDatabase(
  { databaseUrl, dataDir }: Pick<Config, 'databaseUrl' | 'dataDir'>,
  onProgress: (message: string) => void,
  signal: AbortSignal,
): Promise<Database> {
  if (databaseUrl === null) {
    return openEmbeddedPostgres({ dataDir, onProgress, signal }).catch((error) => {
      throw forUser(error)
    })
  }
  await checkServer(databaseUrl)
  return { url: databaseUrl, close: async () => {} }
}

/** @throws ConfigurationError when the server cannot be reached or is too old */
async function checkServer(url: string): Promise<void> {
  const { host, pathname } = new URL(url)
  const where = `the database ${pathname.slice(1)} at ${host}, which DATABASE_URL names`
  const client = createConnection(url, 'report-gateway start')
  let version: number
  try {
    await client.connect()
    const { rows } = await client.query<{ version: string }>(
      "select current_setting('server_version_num') as version",
    )
    version = Number(rows[0]?.version)
  } catch (cause) {
    const why = cause instanceof Error && cause.message ? cause.message : String(cause)
    throw new ConfigurationError(`Cannot use ${where}: ${why}`, { cause })
  } finally {
    await client.end()
  }
  if (version < minVersion * 10_000) {
    throw new ConfigurationError(
      `Cannot use ${where}: it is Postgres ${Math.floor(version / 10_000)}, and ${minVersion} or newer is required.`,
    )
  }
}

/** Every failure of the embedded Postgres is a sentence for the user. Other errors are mistakes in the code. */
function forUser(error: unknown): unknown {
  const isSentence = error instanceof Error && error.constructor === Error && !('code' in error)
  return isSentence ? new ConfigurationError(error.message, { cause: error }) : error
}

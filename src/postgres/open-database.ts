import type { Config } from '../config/config.ts'
import { ConfigurationError } from '../errors.ts'
import { checkServer } from './check-server.ts'
import { openEmbeddedPostgres } from './embedded/embedded-postgres.ts'

export type Database = {
  url: string
  close(): Promise<void>
}

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
  await checkServer(databaseUrl, { variable: 'DATABASE_URL', isOwn: true })
  return { url: databaseUrl, close: async () => {} }
}

/** Every failure of the embedded Postgres is a sentence for the user. Other errors are mistakes in the code. */
function forUser(error: unknown): unknown {
  const isSentence = error instanceof Error && error.constructor === Error && !('code' in error)
  return isSentence ? new ConfigurationError(error.message, { cause: error }) : error
}

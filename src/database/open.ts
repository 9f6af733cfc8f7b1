import { openEmbeddedPostgres } from './embedded/embedded-postgres.ts'

export type Database = {
  url: string
  close(): Promise<void>
}

export type DatabaseConfig = { databaseUrl: string | null; dataDir: string }

/** The Postgres that the configuration names; the embedded one, started if need be, when it names none. */
export const openDatabase = async (
  { databaseUrl, dataDir }: DatabaseConfig,
  onProgress: (message: string) => void,
  signal?: AbortSignal,
): Promise<Database> =>
  databaseUrl === null
    ? openEmbeddedPostgres({ dataDir, log: onProgress, ...(signal && { signal }) })
    : { url: databaseUrl, close: async () => {} }

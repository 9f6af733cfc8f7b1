import { z } from 'zod'
import { ConfigurationError } from './errors.ts'

export type Config = {
  /** Address to listen on. */
  host: string
  /** Port to listen on; 0 takes any free one. */
  port: number
  /** Where clients reach this gateway, without a slash at the end; null means where it listens. */
  publicUrl: string | null
  /** Postgres to use; null starts the embedded one. */
  databaseUrl: string | null
  /** Folder for result files, and for all that belongs to the embedded Postgres. */
  dataDir: string
  /** Create the demo account with its keys and ledger. */
  demo: boolean
  /** Report runs that this process works on at once. */
  concurrency: number
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
}

const variables = z.object({
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(4000),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  DATA_DIR: z.string().min(1).default('.data'),
  DEMO: z.stringbool().optional(),
  CONCURRENCY: z.coerce.number().int().min(1).max(64).default(4),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('warn'),
})

/**
 * Reads the configuration from environment variables; an empty variable counts as unset.
 *
 * @throws ConfigurationError that lists every variable at fault, with its value unless it may hold a secret
 */
export const loadConfig = (environment: Record<string, string | undefined>): Config => {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = variables.safeParse(given)
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path: [name = ''], message }) => {
      const value = name === 'DATABASE_URL' ? '' : ` (it is ${JSON.stringify(given[String(name)])})`
      return `${String(name)}: ${message}${value}`
    })
    throw new ConfigurationError(`The configuration cannot be used.\n  ${lines.join('\n  ')}`)
  }
  const { data } = parsed
  return {
    host: data.HOST,
    port: data.PORT,
    publicUrl: data.PUBLIC_URL?.replace(/\/+$/, '') ?? null,
    databaseUrl: data.DATABASE_URL ?? null,
    dataDir: data.DATA_DIR,
    demo: data.DEMO ?? data.DATABASE_URL === undefined,
    concurrency: data.CONCURRENCY,
    logLevel: data.LOG_LEVEL,
  }
}

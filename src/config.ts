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
  logLevel: (typeof logLevels)[number]
}

// Digits alone: Number() would take " " for 0, "1e3" and "0x10" too.
const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most, {
      error: `has to be a whole number from ${least} to ${most}`,
    })
    .transform(Number)

const isPlainAddress = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && search === '' && hash === ''
}

/** True for the names that a machine has for itself, as they stand in a URL or in HOST. */
export const isLocalHost = (name: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/.test(name)

/** True for an address that means every address of this machine. */
export const isWildcardHost = (name: string): boolean => name === '0.0.0.0' || name === '::'

/** Without DATABASE_URL the gateway shows a key to whoever it serves, so it serves this machine alone. */
const checkEmbedded = ({ HOST, PUBLIC_URL, DATABASE_URL }: z.infer<typeof variables>): string[] => {
  if (DATABASE_URL !== undefined) return []
  const advice = 'without DATABASE_URL the gateway serves this machine alone'
  return [
    ...(isLocalHost(HOST) || isWildcardHost(HOST)
      ? []
      : [`HOST has to be local, because ${advice}; it is "${HOST}".`]),
    ...(PUBLIC_URL === undefined || isLocalHost(new URL(PUBLIC_URL).hostname)
      ? []
      : [`PUBLIC_URL has to be local, because ${advice}; it is "${PUBLIC_URL}".`]),
  ]
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const variables = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535).default(4000),
  PUBLIC_URL: z
    .string()
    .refine(isPlainAddress, { error: 'has to be an address such as https://reports.example.com' })
    .optional(),
  DATABASE_URL: z
    .url({
      protocol: /^postgres(ql)?$/,
      error: 'has to be of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE',
    })
    .optional(),
  DATA_DIR: z.string().default('.data'),
  DEMO: z.stringbool({ error: 'has to be true or false' }).optional(),
  CONCURRENCY: wholeNumber(1, 64).default(4),
  LOG_LEVEL: z.enum(logLevels, { error: `has to be one of ${logLevels.join(', ')}` }).default('warn'),
})

const unusable = (mistakes: string[]): ConfigurationError =>
  new ConfigurationError(['The configuration cannot be used.', ...mistakes].join('\n  '))

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
      // The address of a database may have a password in it.
      const value = name === 'DATABASE_URL' ? '' : `; it is ${JSON.stringify(given[String(name)])}`
      return `${String(name)} ${message}${value}.`
    })
    throw unusable(lines)
  }
  const { data } = parsed
  const mistakes = checkEmbedded(data)
  if (mistakes.length > 0) throw unusable(mistakes)
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

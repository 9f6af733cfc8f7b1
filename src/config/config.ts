import { z } from 'zod'
import { ConfigurationError } from '../errors.ts'
import {
  checkOwnReports,
  type OwnReportsConfig,
  ownReportsVariables,
  readOwnReports,
} from './custom-reports.ts'
import { checkS3, readS3, type S3Config, s3Variables } from './s3.ts'
import { address, flag, postgresUrl, wholeNumber } from './values.ts'

/** What a process does: serves clients, makes reports, or both. */
export type Role = (typeof roles)[number]

/** How much a GraphQL document may ask for; more is refused before anything is executed. */
export type DocumentLimits = {
  /** Levels of fields, the outermost being 1. The introspection query of GraphiQL has 15. */
  depth: number
  /** Fields with an alias, and fields that stand in a selection more than once, together. */
  aliases: number
  /** Directives in the whole document. */
  directives: number
  /** Words and signs of the document. */
  tokens: number
  /** Entries of a page, as asked for by `first` or `last`. */
  pageSize: number
  /** Fields in the answer, estimated by the page sizes that are asked for. */
  cost: number
}

export type SocketLimits = {
  /** WebSockets and SSE streams that one API key may hold open on this process. */
  perKey: number
  /** Operations under way on one WebSocket. */
  operations: number
  /** Bytes of one message from a client. */
  messageBytes: number
  /** Seconds from the opening of a WebSocket to its connection_init. */
  handshakeSeconds: number
  /** Seconds after which a client that does not read what it is sent is cut off. */
  slowReaderSeconds: number
}

export type Config = {
  role: Role
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
  /** Null when the operator has no reports of their own. */
  reports: OwnReportsConfig | null
  /** Bucket for result files; null keeps them in `dataDir`. */
  s3: S3Config | null
  /** Create the demo account with its keys and ledger. */
  demo: boolean
  /** Report runs that this process works on at once. */
  concurrency: number
  /** Report runs of one account and mode that all workers together work on at once. */
  accountConcurrency: number
  /** Report runs that an account and mode may ask for on one day, in UTC. */
  dailyRuns: number
  /** How often a run is begun, when its worker is killed, or loses the database or the store of files, before it has failed. */
  runAttempts: number
  /** Days that entries of the event log are kept. */
  eventDays: number
  /** Origins of pages whose requests are served, beside the gateway's own; `*` for all. */
  allowedOrigins: readonly string[]
  documents: DocumentLimits
  sockets: SocketLimits
  /** Whether clients may read the schema, and are told of names like one that they misspelt. */
  introspection: boolean
  suggestions: boolean
  /** Whether browsers get GraphiQL. */
  graphiql: boolean
  /** Whether queries may come by GET. */
  getQueries: boolean
  /** Whether `/metrics` is served. */
  metrics: boolean
  /** Seconds from the signal to stop until connections are closed; meanwhile `/ready` says no. */
  drainSeconds: number
  /** Seconds that requests and running reports are given to end when the process stops. */
  stopSeconds: number
  logLevel: (typeof logLevels)[number]
}

/** True for the names that a machine has for itself, as they stand in a URL or in HOST. */
export function isLocalHost(name: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/.test(name)
}

/** True for an address that means every address of this machine. */
export function isWildcardHost(name: string): boolean {
  return name === '0.0.0.0' || name === '::'
}

const roles = ['all', 'gateway', 'worker'] as const
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const origins = z
  .string()
  .transform((text) => text.split(',').flatMap((origin) => origin.trim() || []))
  .refine((list) => list.every(isOrigin), {
    error: 'has to be origins with commas between them, such as https://app.example.com, or *',
  })

const variables = z.object({
  ROLE: z.enum(roles, { error: `has to be one of ${roles.join(', ')}` }).default('all'),
  HOST: z.string().default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535).default(4000),
  PUBLIC_URL: address('https://reports.example.com').optional(),
  DATABASE_URL: postgresUrl().optional(),
  DATA_DIR: z.string().default('.data'),
  ...ownReportsVariables.shape,
  ...s3Variables.shape,
  DEMO: flag().optional(),
  CONCURRENCY: wholeNumber(1, 64).default(4),
  ACCOUNT_CONCURRENCY: wholeNumber(1, 10_000).default(3),
  DAILY_RUNS: wholeNumber(1, 100_000_000).default(10_000),
  RUN_ATTEMPTS: wholeNumber(1, 100).default(3),
  EVENT_DAYS: wholeNumber(1, 36_500).default(30),
  ALLOWED_ORIGINS: origins.default([]),
  MAX_DEPTH: wholeNumber(1, 1_000).default(15),
  MAX_ALIASES: wholeNumber(0, 100_000).default(30),
  MAX_DIRECTIVES: wholeNumber(0, 100_000).default(20),
  MAX_TOKENS: wholeNumber(1, 1_000_000).default(2_000),
  MAX_PAGE_SIZE: wholeNumber(1, 1_000).default(500),
  MAX_COST: wholeNumber(1, 100_000_000).default(20_000),
  MAX_SOCKETS_PER_KEY: wholeNumber(1, 1_000_000).default(1_000),
  MAX_OPERATIONS_PER_SOCKET: wholeNumber(1, 100_000).default(100),
  MAX_MESSAGE_BYTES: wholeNumber(1_024, 100_000_000).default(65_536),
  HANDSHAKE_SECONDS: wholeNumber(1, 600).default(3),
  SLOW_READER_SECONDS: wholeNumber(1, 3_600).default(30),
  INTROSPECTION: flag().default(true),
  SUGGESTIONS: flag().default(true),
  GRAPHIQL: flag().default(true),
  GET_QUERIES: flag().default(true),
  METRICS: flag().default(true),
  DRAIN_SECONDS: wholeNumber(0, 600).default(0),
  STOP_SECONDS: wholeNumber(0, 3_600).default(5),
  LOG_LEVEL: z.enum(logLevels, { error: `has to be one of ${logLevels.join(', ')}` }).default('warn'),
})

/**
 * Reads the configuration from environment variables; an empty variable counts as unset.
 *
 * @throws ConfigurationError that lists every variable at fault, with its value unless it may hold a secret
 */
export function loadConfig(environment: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = variables.safeParse(given)
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path: [name = ''], message }) => {
      const value = given[String(name)]
      // The address of a database may have a password in it, and so may another one that has an @.
      const isSecret = String(name).endsWith('DATABASE_URL') || value?.includes('@')
      return `${String(name)} ${message}${isSecret ? '' : `; it is ${JSON.stringify(value)}`}.`
    })
    throw unusable(lines)
  }
  const { data } = parsed
  const mistakes = [...checkEmbedded(data), ...checkOwnReports(data), ...checkS3(data)]
  if (mistakes.length > 0) throw unusable(mistakes)
  return {
    role: data.ROLE,
    host: data.HOST,
    port: data.PORT,
    publicUrl: data.PUBLIC_URL?.replace(/\/+$/, '') ?? null,
    databaseUrl: data.DATABASE_URL ?? null,
    dataDir: data.DATA_DIR,
    reports: readOwnReports(data),
    s3: readS3(data),
    demo: data.DEMO ?? data.DATABASE_URL === undefined,
    concurrency: data.CONCURRENCY,
    accountConcurrency: data.ACCOUNT_CONCURRENCY,
    dailyRuns: data.DAILY_RUNS,
    runAttempts: data.RUN_ATTEMPTS,
    eventDays: data.EVENT_DAYS,
    allowedOrigins: data.ALLOWED_ORIGINS,
    documents: {
      depth: data.MAX_DEPTH,
      aliases: data.MAX_ALIASES,
      directives: data.MAX_DIRECTIVES,
      tokens: data.MAX_TOKENS,
      pageSize: data.MAX_PAGE_SIZE,
      cost: data.MAX_COST,
    },
    sockets: {
      perKey: data.MAX_SOCKETS_PER_KEY,
      operations: data.MAX_OPERATIONS_PER_SOCKET,
      messageBytes: data.MAX_MESSAGE_BYTES,
      handshakeSeconds: data.HANDSHAKE_SECONDS,
      slowReaderSeconds: data.SLOW_READER_SECONDS,
    },
    introspection: data.INTROSPECTION,
    suggestions: data.SUGGESTIONS,
    graphiql: data.GRAPHIQL,
    getQueries: data.GET_QUERIES,
    metrics: data.METRICS,
    drainSeconds: data.DRAIN_SECONDS,
    stopSeconds: data.STOP_SECONDS,
    logLevel: data.LOG_LEVEL,
  }
}

/** Without DATABASE_URL the gateway shows a key to whoever it serves, so it serves this machine alone. */
function checkEmbedded({ HOST, PUBLIC_URL, DATABASE_URL }: z.infer<typeof variables>): string[] {
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

function isOrigin(text: string): boolean {
  return text === '*' || (URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text)
}

function unusable(mistakes: string[]): ConfigurationError {
  return new ConfigurationError(['The configuration cannot be used.', ...mistakes].join('\n  '))
}

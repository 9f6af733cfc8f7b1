import { z } from 'zod'
import { ConfigurationError } from '../errors.ts'
import {
  address,
  env,
  flag,
  inputOf,
  integer,
  matching,
  oneOf,
  origins,
  postgresUrl,
  variablesOf,
} from './variable.ts'

/** Every setting of a gateway: the environment variable that holds it, and what it means. */
const settings = z.object({
  role: env('ROLE', oneOf(['all', 'gateway', 'worker']).default('all')).describe(
    '`gateway` serves clients, `worker` runs reports, `all` does both. The option `--role` overrides it.',
  ),
  host: env('HOST', z.string().default('127.0.0.1')).describe(
    'Address to listen on. Without `DATABASE_URL` it must be local.',
  ),
  port: env('PORT', integer(0, 65_535).default(4000)).describe(
    "Port to listen on. 0, a worker's default, takes any free port.",
  ),
  publicUrl: env(
    'PUBLIC_URL',
    address('https://reports.example.com').transform(withoutEndSlashes).nullable().default(null),
  ).describe(
    'Public address of the gateway, used in download links. Default: the address that it listens on.',
  ),
  databaseUrl: env('DATABASE_URL', postgresUrl().nullable().default(null)).describe(
    'Connection string of Postgres 15 or newer. Without it, the gateway starts an embedded Postgres.',
  ),
  connections: env('DATABASE_CONNECTIONS', integer(10, 10_000).nullable().default(null)).describe(
    'Maximum number of [connections to Postgres](postgres.md#connections) of this process. Default: as many as its role and `CONCURRENCY` need.',
  ),
  dataDir: env('DATA_DIR', z.string().default('.data')).describe(
    'Folder for result files and for the embedded Postgres.',
  ),
  s3: z.object({
    bucket: env(
      'S3_BUCKET',
      matching(/^[A-Za-z0-9][\w.-]{1,61}[A-Za-z0-9]$/, 'the name of a bucket, such as reports')
        .nullable()
        .default(null),
    ).describe(
      "Bucket of S3, or of a compatible store, for result files. Default: `DATA_DIR/files`. Credentials come from the standard AWS chain: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, shared files, or the machine's role.",
    ),
    region: env(
      'S3_REGION',
      matching(/^[a-z0-9-]+$/, 'a region, such as eu-central-1').default('us-east-1'),
    ).describe('Region of the bucket.'),
    endpoint: env('S3_ENDPOINT', address('https://s3.example.com').nullable().default(null)).describe(
      'Address of an S3-compatible store, such as `http://minio:9000`. Default: Amazon S3.',
    ),
    prefix: env(
      'S3_PREFIX',
      matching(
        /^\w[\w-]*(\/\w[\w-]*)*$/,
        'a folder such as production/reports, of letters, digits, _ and -',
      ).default(''),
    ).describe('Folder in the bucket.'),
    forcePathStyle: env('S3_FORCE_PATH_STYLE', flag().optional()).describe(
      'Whether the bucket name is in the path of an address instead of the host name. Default: `true` with `S3_ENDPOINT`, otherwise `false`.',
    ),
  }),
  reports: z.object({
    folder: env('REPORTS_DIR', z.string().nullable().default(null)).describe(
      'Folder of your [custom reports](../reports/custom-sql.md), `*.sql`.',
    ),
    databaseUrl: env('REPORTS_DATABASE_URL', postgresUrl().nullable().default(null)).describe(
      'Read-only login for custom reports, on any Postgres. Required with `DATABASE_URL`. Default: a login of the embedded Postgres.',
    ),
    limits: z.object({
      rows: env('REPORT_ROWS', integer(1, 999_999_999).default(1_000_000)).describe(
        'Maximum number of rows of a custom report.',
      ),
      seconds: env('REPORT_SECONDS', integer(1, 86_400).default(600)).describe(
        'Maximum number of seconds for each statement of a custom report.',
      ),
    }),
  }),
  demo: env('DEMO', flag().optional()).describe(
    'Whether to create the demo account, its keys and its ledger. Default: `true` without `DATABASE_URL`, otherwise `false`.',
  ),
  concurrency: env('CONCURRENCY', integer(1, 64).default(4)).describe(
    'Number of reports that a worker runs at once.',
  ),
  accountConcurrency: env('ACCOUNT_CONCURRENCY', integer(1, 10_000).default(3)).describe(
    'Number of reports that all workers run at once for one account and mode. Further reports wait in the queue.',
  ),
  dailyRuns: env('DAILY_RUNS', integer(1, 100_000_000).default(10_000)).describe(
    'Number of runs that one account and mode can create in a day, in UTC.',
  ),
  runAttempts: env('RUN_ATTEMPTS', integer(1, 100).default(3)).describe(
    'Number of times a report starts before it fails, when its worker, the database or the file store is lost.',
  ),
  eventDays: env('EVENT_DAYS', integer(1, 36_500).default(30)).describe(
    'Number of days for which the event log is kept.',
  ),
  allowedOrigins: env('ALLOWED_ORIGINS', origins().default([])).describe(
    'Origins of web pages that can use the gateway, separated by commas, or `*`. The own origin is always allowed. Other origins get 403, also over WebSocket.',
  ),
  documents: z.object({
    depth: env('MAX_DEPTH', integer(1, 1_000).default(15)).describe(
      'Maximum number of nested levels of fields in a GraphQL document. The introspection query of GraphiQL has 15.',
    ),
    aliases: env('MAX_ALIASES', integer(0, 100_000).default(30)).describe(
      'Maximum number of aliases in a GraphQL document. A repeated field counts as one.',
    ),
    directives: env('MAX_DIRECTIVES', integer(0, 100_000).default(20)).describe(
      'Maximum number of directives in a GraphQL document.',
    ),
    tokens: env('MAX_TOKENS', integer(1, 1_000_000).default(2_000)).describe(
      'Maximum number of tokens in a GraphQL document.',
    ),
    cost: env('MAX_COST', integer(1, 100_000_000).default(20_000)).describe(
      'Maximum estimated number of fields in a response, by the requested page sizes. The introspection query has about 9,000.',
    ),
  }),
  sockets: z.object({
    perKey: env('MAX_SOCKETS_PER_KEY', integer(1, 1_000_000).default(1_000)).describe(
      'Maximum number of connections of one key to one gateway, WebSocket and SSE together.',
    ),
    operations: env('MAX_OPERATIONS_PER_SOCKET', integer(1, 100_000).default(100)).describe(
      'Maximum number of active operations on a WebSocket.',
    ),
    messageBytes: env('MAX_MESSAGE_BYTES', integer(1_024, 100_000_000).default(65_536)).describe(
      'Maximum size in bytes of a message on a WebSocket.',
    ),
    handshakeSeconds: env('HANDSHAKE_SECONDS', integer(1, 600).default(3)).describe(
      'Seconds in which a WebSocket client must send `connection_init`.',
    ),
    slowReaderSeconds: env('SLOW_READER_SECONDS', integer(1, 3_600).default(30)).describe(
      'Seconds after which the gateway disconnects a client that does not read.',
    ),
  }),
  introspection: env('INTROSPECTION', flag().default(true)).describe('Whether clients can read the schema.'),
  suggestions: env('SUGGESTIONS', flag().default(true)).describe(
    'Whether errors suggest names that are similar to a misspelled one.',
  ),
  graphiql: env('GRAPHIQL', flag().default(true)).describe('Whether browsers get GraphiQL.'),
  getQueries: env('GET_QUERIES', flag().default(true)).describe('Whether clients can query by GET.'),
  metrics: env('METRICS', flag().default(true)).describe('Whether `/metrics` is served.'),
  drainSeconds: env('DRAIN_SECONDS', integer(0, 600).default(0)).describe(
    'Seconds for which a [stopping](deploy.md#stopping) gateway still serves requests, after `/ready` has turned off.',
  ),
  stopSeconds: env('STOP_SECONDS', integer(0, 3_600).default(5)).describe(
    'Seconds for which requests and reports can still end when the process [stops](deploy.md#stopping).',
  ),
  logLevel: env(
    'LOG_LEVEL',
    oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('warn'),
  ).describe(
    'Level of the log, which is JSON lines on standard error: `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`. `info` has a line for each request.',
  ),
})

/** Variables that single commands read themselves. */
const commandVariables = [
  [
    'STRIPE_API_KEY',
    'none',
    'Stripe key, secret or restricted, for `npm run import -- --stripe`. It must belong to the mode that is imported.',
  ],
  ['REPORT_GATEWAY_KEY', '`DATA_DIR/keys.json`', 'API key for `npm run report`.'],
  ['GATEWAY_URL', '`http://HOST:PORT`', 'Address of the gateway for `npm run report`.'],
] as const

type Settings = z.infer<typeof settings>
type Environment = Readonly<Record<string, string>>

export type Config = ReturnType<typeof createConfig>
/** How much a GraphQL document may ask for; more is refused before anything is executed. */
export type DocumentLimits = Config['documents']
export type SocketLimits = Config['sockets']
/** A bucket of S3, or of a store that speaks its language. */
export type S3Config = NonNullable<Config['s3']>

/**
 * Reads the configuration from environment variables; an empty variable counts as unset.
 *
 * @throws ConfigurationError that lists every variable at fault, with its value unless it may hold a secret
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]): [string, string][] =>
      value ? [[name, value]] : [],
    ),
  )
  const parsed = settings.safeParse(inputOf(settings, given))
  const mistakes = parsed.success
    ? [...findUseless(given), ...findForeignLogin(parsed.data), ...findRemote(given)]
    : parsed.error.issues.map(({ path, message }) => {
        const { name = '' } = variablesOf(settings).find((one) => one.path.join() === path.join()) ?? {}
        return `${name} ${message}${shown(name, given[name])}.`
      })
  if (!parsed.success || mistakes.length > 0) {
    throw new ConfigurationError(['The configuration cannot be used.', ...mistakes].join('\n  '))
  }
  return createConfig(parsed.data)
}

/** The variables as a Markdown table, for the page of the documentation. */
export function printVariables(): string {
  const rows = variablesOf(settings).map(({ name, schema }) => {
    const fallback = String(schema.parse(undefined) ?? '')
    return [name, fallback === '' ? 'none' : `\`${fallback}\``, schema.description ?? '']
  })
  const lines = [...rows, ...commandVariables].map(
    ([name, fallback, description]) => `| \`${name}\` | ${fallback} | ${description} |`,
  )
  return ['| Variable | Default | Meaning |', '|---|---|---|', ...lines, ''].join('\n')
}

/** True for the names that a machine has for itself, as they stand in a URL or in HOST. */
export function isLocalHost(name: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/.test(name)
}

/** True for an address that means every address of this machine. */
export function isWildcardHost(name: string): boolean {
  return name === '0.0.0.0' || name === '::'
}

/** The settings with what follows from them. */
function createConfig({ s3: { bucket, ...s3 }, reports: { folder, ...reports }, ...others }: Settings) {
  return {
    ...others,
    demo: others.demo ?? others.databaseUrl === null,
    /** Null keeps result files in `dataDir`. Few but Amazon give each bucket a host of its own. */
    s3: bucket === null ? null : { ...s3, bucket, forcePathStyle: s3.forcePathStyle ?? s3.endpoint !== null },
    /** Null when the operator has no custom reports. */
    reports: folder === null ? null : { ...reports, folder },
  }
}

/** Variables that say more of something that is not there: the first of a group stands for the group. */
function findUseless(given: Environment): string[] {
  return [settings.shape.reports, settings.shape.s3].flatMap((group) => {
    const [first, ...others] = variablesOf(group)
    if (!first || given[first.name] !== undefined) return []
    return others
      .filter(({ name }) => given[name] !== undefined)
      .map(
        ({ name, schema }) =>
          `${name} has no effect without ${first.name}${shown(name, schema.parse(given[name]))}.`,
      )
  })
}

/** The SQL of custom reports is to have no other rights than reading, and only the embedded Postgres has a login for that. */
function findForeignLogin({ databaseUrl, reports }: Settings): string[] {
  if (reports.folder === null || databaseUrl === null || reports.databaseUrl !== null) return []
  return [
    'REPORTS_DIR needs REPORTS_DATABASE_URL beside DATABASE_URL: a login for your reports that can only read.',
  ]
}

/** Without DATABASE_URL the gateway shows a key to its clients, so it serves this machine alone. */
function findRemote({
  DATABASE_URL,
  HOST = 'localhost',
  PUBLIC_URL = 'http://localhost',
}: Environment): string[] {
  if (DATABASE_URL !== undefined) return []
  const why = 'must be local, because without DATABASE_URL the gateway serves this machine alone'
  return [
    ...(isLocalHost(HOST) || isWildcardHost(HOST) ? [] : [`HOST ${why}${shown('HOST', HOST)}.`]),
    ...(isLocalHost(new URL(PUBLIC_URL).hostname)
      ? []
      : [`PUBLIC_URL ${why}${shown('PUBLIC_URL', PUBLIC_URL)}.`]),
  ]
}

/** The value for a message. The address of a database may have a password in it, and so may another one that has an @. */
function shown(name: string, value: unknown): string {
  const isSecret = name.endsWith('DATABASE_URL') || String(value).includes('@')
  return isSecret ? '' : `; it is ${JSON.stringify(value)}`
}

function withoutEndSlashes(url: string): string {
  return url.replace(/\/+$/, '')
}

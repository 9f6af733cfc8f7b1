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
    '`gateway` serves clients, `worker` makes reports, `all` does both; `--role` goes before it',
  ),
  host: env('HOST', z.string().default('127.0.0.1')).describe(
    'where to listen; without `DATABASE_URL` only locally',
  ),
  port: env('PORT', integer(0, 65_535).default(4000)).describe(
    "port to listen on, 0 for any free one (a worker's default)",
  ),
  publicUrl: env(
    'PUBLIC_URL',
    address('https://reports.example.com').transform(withoutEndSlashes).nullable().default(null),
  ).describe('address of the gateway in download links; where it listens unless given'),
  databaseUrl: env('DATABASE_URL', postgresUrl().nullable().default(null)).describe(
    'Postgres 15 or newer to use; without it an embedded one is started',
  ),
  dataDir: env('DATA_DIR', z.string().default('.data')).describe(
    'result files, and all that belongs to the embedded Postgres',
  ),
  s3: z.object({
    bucket: env(
      'S3_BUCKET',
      matching(/^[A-Za-z0-9][\w.-]{1,61}[A-Za-z0-9]$/, 'the name of a bucket, such as reports')
        .nullable()
        .default(null),
    ).describe(
      "keep result files in this bucket of S3 or of a compatible store, instead of `DATA_DIR/files`; credentials come from where programs for S3 look (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, shared files, the machine's role)",
    ),
    region: env(
      'S3_REGION',
      matching(/^[a-z0-9-]+$/, 'a region, such as eu-central-1').default('us-east-1'),
    ).describe('its region'),
    endpoint: env('S3_ENDPOINT', address('https://s3.example.com').nullable().default(null)).describe(
      "address of another store than Amazon's, such as `http://minio:9000`",
    ),
    prefix: env(
      'S3_PREFIX',
      matching(
        /^\w[\w-]*(\/\w[\w-]*)*$/,
        'a folder such as production/reports, of letters, digits, _ and -',
      ).default(''),
    ).describe('folder in the bucket'),
    forcePathStyle: env('S3_FORCE_PATH_STYLE', flag().optional()).describe(
      'whether the bucket stands in the path of addresses, and not in the name of the host; unless given, `true` with `S3_ENDPOINT`, else `false`',
    ),
  }),
  reports: z.object({
    folder: env('REPORTS_DIR', z.string().nullable().default(null)).describe(
      'folder of your own reports, `*.sql`',
    ),
    databaseUrl: env('REPORTS_DATABASE_URL', postgresUrl().nullable().default(null)).describe(
      'login that can only read, for your own reports, on any Postgres; a login of the embedded Postgres unless given, required beside `DATABASE_URL`',
    ),
    limits: z.object({
      rows: env('REPORT_ROWS', integer(1, 999_999_999).default(1_000_000)).describe(
        'most rows of such a report',
      ),
      seconds: env('REPORT_SECONDS', integer(1, 86_400).default(600)).describe(
        'most seconds for each of its statements',
      ),
    }),
  }),
  demo: env('DEMO', flag().optional()).describe(
    'create the demo account, its keys and its ledger; unless given, `true` without `DATABASE_URL`, else `false`',
  ),
  concurrency: env('CONCURRENCY', integer(1, 64).default(4)).describe('reports that run at once in a worker'),
  accountConcurrency: env('ACCOUNT_CONCURRENCY', integer(1, 10_000).default(3)).describe(
    'reports of one account and mode that run at once over all workers; others wait',
  ),
  dailyRuns: env('DAILY_RUNS', integer(1, 100_000_000).default(10_000)).describe(
    'reports that one account and mode may ask for on a day, in UTC',
  ),
  runAttempts: env('RUN_ATTEMPTS', integer(1, 100).default(3)).describe(
    'how often a report is begun when its worker, the database or the store of files is lost',
  ),
  eventDays: env('EVENT_DAYS', integer(1, 36_500).default(30)).describe('days that the event log is kept'),
  allowedOrigins: env('ALLOWED_ORIGINS', origins().default([])).describe(
    'origins of pages that may use the gateway beside its own, with commas, or `*`; others get 403, over WebSocket too',
  ),
  documents: z.object({
    depth: env('MAX_DEPTH', integer(1, 1_000).default(15)).describe(
      'levels of fields in a GraphQL document, the outermost being 1; the introspection query of GraphiQL has 15',
    ),
    aliases: env('MAX_ALIASES', integer(0, 100_000).default(30)).describe(
      'aliases in a GraphQL document; a field that is repeated counts as one',
    ),
    directives: env('MAX_DIRECTIVES', integer(0, 100_000).default(20)).describe(
      'directives in a GraphQL document',
    ),
    tokens: env('MAX_TOKENS', integer(1, 1_000_000).default(2_000)).describe(
      'words and signs of a GraphQL document',
    ),
    pageSize: env('MAX_PAGE_SIZE', integer(1, 1_000).default(500)).describe('largest `first` or `last`'),
    cost: env('MAX_COST', integer(1, 100_000_000).default(20_000)).describe(
      'estimated fields in an answer, by the page sizes asked for; the whole schema has about 9,000',
    ),
  }),
  sockets: z.object({
    perKey: env('MAX_SOCKETS_PER_KEY', integer(1, 1_000_000).default(1_000)).describe(
      'connections of one key, WebSocket and SSE together, in one gateway',
    ),
    operations: env('MAX_OPERATIONS_PER_SOCKET', integer(1, 100_000).default(100)).describe(
      'operations under way on a WebSocket',
    ),
    messageBytes: env('MAX_MESSAGE_BYTES', integer(1_024, 100_000_000).default(65_536)).describe(
      'size of a message on a WebSocket',
    ),
    handshakeSeconds: env('HANDSHAKE_SECONDS', integer(1, 600).default(3)).describe(
      'time for `connection_init`',
    ),
    slowReaderSeconds: env('SLOW_READER_SECONDS', integer(1, 3_600).default(30)).describe(
      'time after which a client that does not read is cut off',
    ),
  }),
  introspection: env('INTROSPECTION', flag().default(true)).describe('whether clients may read the schema'),
  suggestions: env('SUGGESTIONS', flag().default(true)).describe(
    'whether errors suggest names like a misspelt one',
  ),
  graphiql: env('GRAPHIQL', flag().default(true)).describe('whether browsers get GraphiQL'),
  getQueries: env('GET_QUERIES', flag().default(true)).describe('whether clients may query by GET'),
  metrics: env('METRICS', flag().default(true)).describe('whether `/metrics` is served'),
  drainSeconds: env('DRAIN_SECONDS', integer(0, 600).default(0)).describe('see *Stopping*'),
  stopSeconds: env('STOP_SECONDS', integer(0, 3_600).default(5)).describe('see *Stopping*'),
  logLevel: env(
    'LOG_LEVEL',
    oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('warn'),
  ).describe('JSON lines on standard error: `fatal` … `trace`, or `silent`; `info` has one for each request'),
})

/** Variables that single commands read themselves. */
const commandVariables = [
  [
    'STRIPE_API_KEY',
    'none',
    'key of `npm run import -- --stripe`, secret or restricted; it has to be of the mode that is imported',
  ],
  ['REPORT_GATEWAY_KEY', '`DATA_DIR/keys.json`', 'key of `npm run report`'],
  ['GATEWAY_URL', '`http://HOST:PORT`', 'gateway of `npm run report`'],
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

/** The variables as a Markdown table, which stands in README.md. */
export function printVariables(): string {
  const rows = variablesOf(settings).map(({ name, schema }) => {
    const fallback = String(schema.parse(undefined) ?? '')
    return [name, fallback === '' ? 'none' : `\`${fallback}\``, schema.description ?? '']
  })
  const lines = [...rows, ...commandVariables].map(
    ([name, fallback, description]) => `| \`${name}\` | ${fallback} | ${description} |`,
  )
  return ['| variable | default | meaning |', '|---|---|---|', ...lines, ''].join('\n')
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
          `${name} is of no use without ${first.name}${shown(name, schema.parse(given[name]))}.`,
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
  const why = 'has to be local, because without DATABASE_URL the gateway serves this machine alone'
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

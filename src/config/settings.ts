import { z } from 'zod'
import { defaultDataDir } from './folder.ts'
import { address, env, flag, integer, matching, oneOf, origins, postgresUrl } from './variable.ts'

/** Every setting of a gateway: the environment variable that holds it, and what it means. */
export const settings = z.object({
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
  ledger: z.object({
    databaseUrl: env('LEDGER_DATABASE_URL', postgresUrl().nullable().default(null)).describe(
      'Connection string of a [read replica](postgres.md#a-read-replica-for-reports) of `DATABASE_URL`, from which built-in reports read. Default: `DATABASE_URL`.',
    ),
    waitSeconds: env('LEDGER_WAIT_SECONDS', integer(1, 3_600).default(60)).describe(
      'Seconds for which a run waits until the replica answers and has the data that the run needs.',
    ),
  }),
  dataDir: env('DATA_DIR', z.string().default(defaultDataDir)).describe(
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
    subscriptionsPerKey: env('MAX_SUBSCRIPTIONS_PER_KEY', integer(1, 1_000_000).default(2_000)).describe(
      'Maximum number of active subscriptions of one key to one gateway, on all its connections.',
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
  shortcuts: z.object({
    sharedEvents: env('SHARED_EVENTS', flag().default(true)).describe(
      'Whether equal subscriptions share their messages: each event is executed and serialized once for all of them.',
    ),
    keyCache: env('KEY_CACHE', flag().default(true)).describe(
      'Whether a gateway keeps API keys in memory for 2 seconds. A [revocation](security.md#api-keys) takes effect at once with either value.',
    ),
    compiledOperations: env('COMPILED_OPERATIONS', flag().default(true)).describe(
      'Whether queries and mutations are executed by a prepared plan, which is kept with their document. The answers are the same.',
    ),
    shortRequestPath: env('SHORT_REQUEST_PATH', flag().default(true)).describe(
      'Whether repeated queries and mutations by POST skip the general HTTP layer of Yoga. The answers are the same.',
    ),
  }),
  introspection: env('INTROSPECTION', flag().default(true)).describe('Whether clients can read the schema.'),
  suggestions: env('SUGGESTIONS', flag().default(true)).describe(
    'Whether errors suggest names that are similar to a misspelled one.',
  ),
  graphiql: env('GRAPHIQL', flag().default(true)).describe('Whether browsers get GraphiQL.'),
  getQueries: env('GET_QUERIES', flag().default(true)).describe('Whether clients can query by GET.'),
  metrics: env('METRICS', flag().default(true)).describe('Whether `/metrics` is served.'),
  keepAliveSeconds: env('KEEP_ALIVE_SECONDS', integer(1, 3_600).default(75)).describe(
    'Seconds for which a connection without a request stays open. It must be longer than the same time of a [proxy or load balancer](reverse-proxies.md#idle-connections).',
  ),
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

function withoutEndSlashes(url: string): string {
  return url.replace(/\/+$/, '')
}

import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { type Config, loadConfig } from '../../src/config/config.ts'
import { ConfigurationError } from '../../src/errors.ts'

const defaults: Config = {
  role: 'all',
  host: '127.0.0.1',
  port: 4000,
  publicUrl: null,
  databaseUrl: null,
  connections: null,
  dataDir: '.data',
  reports: null,
  replica: null,
  s3: null,
  demo: true,
  concurrency: 4,
  accountConcurrency: 3,
  dailyRuns: 10_000,
  runAttempts: 3,
  eventDays: 30,
  allowedOrigins: [],
  documents: { depth: 15, aliases: 30, directives: 20, tokens: 2_000, cost: 20_000 },
  sockets: {
    perKey: 1_000,
    operations: 100,
    subscriptionsPerKey: 2_000,
    messageBytes: 65_536,
    handshakeSeconds: 3,
    slowReaderSeconds: 30,
  },
  shortcuts: { sharedEvents: true, keyCache: true, compiledOperations: true, shortRequestPath: true },
  introspection: true,
  suggestions: true,
  graphiql: true,
  getQueries: true,
  metrics: true,
  keepAliveSeconds: 75,
  drainSeconds: 0,
  stopSeconds: 5,
  logLevel: 'warn',
}

const databaseUrl = 'postgres://gateway:secret@db.example.com:5432/reports'

test.each<[string, Record<string, string | undefined>, Partial<Config>]>([
  ['nothing', {}, {}],
  ['empty variables', { PORT: '', DATABASE_URL: '', DEMO: '', LOG_LEVEL: '' }, {}],
  ['unknown variables', { PATH: '/bin', NODE_ENV: 'test' }, {}],
  ['a variable that is not set', { PORT: undefined }, {}],
  ['HOST', { HOST: '0.0.0.0' }, { host: '0.0.0.0' }],
  ['PORT', { PORT: '8080' }, { port: 8080 }],
  ['any free port', { PORT: '0' }, { port: 0 }],
  [
    'PUBLIC_URL',
    { PUBLIC_URL: 'https://r.example.com', DATABASE_URL: databaseUrl },
    { publicUrl: 'https://r.example.com', databaseUrl, demo: false },
  ],
  [
    'slashes after PUBLIC_URL',
    { PUBLIC_URL: 'http://r.example/a//', DATABASE_URL: databaseUrl },
    { publicUrl: 'http://r.example/a', databaseUrl, demo: false },
  ],
  ['a local PUBLIC_URL', { PUBLIC_URL: 'http://localhost:8080' }, { publicUrl: 'http://localhost:8080' }],
  ['DATABASE_URL, which has no demo', { DATABASE_URL: databaseUrl }, { databaseUrl, demo: false }],
  [
    'a database by its socket',
    { DATABASE_URL: 'postgresql:///r?host=/run' },
    { databaseUrl: 'postgresql:///r?host=/run', demo: false },
  ],
  ['a demo asked for', { DATABASE_URL: databaseUrl, DEMO: 'true' }, { databaseUrl, demo: true }],
  ['no demo', { DEMO: 'false' }, { demo: false }],
  ['DATA_DIR', { DATA_DIR: '/srv/reports' }, { dataDir: '/srv/reports' }],
  [
    'REPORTS_DIR',
    { REPORTS_DIR: 'reports' },
    { reports: { folder: 'reports', databaseUrl: null, limits: { rows: 1_000_000, seconds: 600 } } },
  ],
  [
    'REPORTS_DIR with all that belongs to it',
    {
      DATABASE_URL: databaseUrl,
      REPORTS_DIR: 'r',
      REPORTS_DATABASE_URL: 'postgres://r@db/shop',
      REPORT_ROWS: '5',
      REPORT_SECONDS: '6',
    },
    {
      databaseUrl,
      demo: false,
      reports: { folder: 'r', databaseUrl: 'postgres://r@db/shop', limits: { rows: 5, seconds: 6 } },
    },
  ],
  [
    'a bucket of Amazon',
    { S3_BUCKET: 'reports' },
    { s3: { bucket: 'reports', region: 'us-east-1', endpoint: null, prefix: '', forcePathStyle: false } },
  ],
  [
    'a bucket elsewhere',
    { S3_BUCKET: 'reports', S3_REGION: 'eu', S3_ENDPOINT: 'http://minio:9000', S3_PREFIX: 'a/b' },
    {
      s3: {
        bucket: 'reports',
        region: 'eu',
        endpoint: 'http://minio:9000',
        prefix: 'a/b',
        forcePathStyle: true,
      },
    },
  ],
  [
    'S3_FORCE_PATH_STYLE',
    { S3_BUCKET: 'reports', S3_ENDPOINT: 'https://s3.example', S3_FORCE_PATH_STYLE: 'false' },
    {
      s3: {
        bucket: 'reports',
        region: 'us-east-1',
        endpoint: 'https://s3.example',
        prefix: '',
        forcePathStyle: false,
      },
    },
  ],
  ['CONCURRENCY', { CONCURRENCY: '64' }, { concurrency: 64 }],
  ['ROLE', { ROLE: 'worker' }, { role: 'worker' }],
  ['ACCOUNT_CONCURRENCY', { ACCOUNT_CONCURRENCY: '1' }, { accountConcurrency: 1 }],
  ['DAILY_RUNS', { DAILY_RUNS: '5' }, { dailyRuns: 5 }],
  ['RUN_ATTEMPTS', { RUN_ATTEMPTS: '1' }, { runAttempts: 1 }],
  ['EVENT_DAYS', { EVENT_DAYS: '7' }, { eventDays: 7 }],
  [
    'ALLOWED_ORIGINS',
    { ALLOWED_ORIGINS: 'https://a.example, http://b.example:81,' },
    { allowedOrigins: ['https://a.example', 'http://b.example:81'] },
  ],
  ['any origin', { ALLOWED_ORIGINS: '*' }, { allowedOrigins: ['*'] }],
  [
    'MAX_DEPTH and the other limits of documents',
    {
      MAX_DEPTH: '1',
      MAX_ALIASES: '2',
      MAX_DIRECTIVES: '3',
      MAX_TOKENS: '4',
      MAX_COST: '6',
    },
    { documents: { depth: 1, aliases: 2, directives: 3, tokens: 4, cost: 6 } },
  ],
  [
    'the limits of sockets',
    {
      MAX_SOCKETS_PER_KEY: '1',
      MAX_OPERATIONS_PER_SOCKET: '2',
      MAX_SUBSCRIPTIONS_PER_KEY: '3',
      MAX_MESSAGE_BYTES: '2048',
      HANDSHAKE_SECONDS: '4',
      SLOW_READER_SECONDS: '5',
    },
    {
      sockets: {
        perKey: 1,
        operations: 2,
        subscriptionsPerKey: 3,
        messageBytes: 2_048,
        handshakeSeconds: 4,
        slowReaderSeconds: 5,
      },
    },
  ],
  [
    'the switches',
    { INTROSPECTION: 'false', SUGGESTIONS: '0', GRAPHIQL: 'no', GET_QUERIES: 'off', METRICS: 'false' },
    { introspection: false, suggestions: false, graphiql: false, getQueries: false, metrics: false },
  ],
  ['DRAIN_SECONDS', { DRAIN_SECONDS: '10' }, { drainSeconds: 10 }],
  ['STOP_SECONDS', { STOP_SECONDS: '0' }, { stopSeconds: 0 }],
  ['LOG_LEVEL', { LOG_LEVEL: 'silent' }, { logLevel: 'silent' }],
])('%s is understood', (_what, environment, expected) => {
  expect(loadConfig(environment)).toEqual({ ...defaults, ...expected })
})

function refusal(environment: Record<string, string>): ConfigurationError {
  try {
    loadConfig(environment)
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
  }
  throw new Error(`${JSON.stringify(environment)} was accepted.`)
}

test.each([
  ['PORT', 'http'],
  ['PORT', ' '],
  ['PORT', '4000 '],
  ['CONCURRENCY', '4\r'],
  ['DATA_DIR', '"/srv/reports"'],
  ['LOG_LEVEL', "'info'"],
  ['PORT', '-1'],
  ['PORT', '80.5'],
  ['PORT', '1e3'],
  ['PORT', '0x50'],
  ['PORT', '65536'],
  ['PUBLIC_URL', 'reports.example.com'],
  ['PUBLIC_URL', 'ftp://reports.example.com'],
  ['PUBLIC_URL', 'https://reports.example.com/?team=finance'],
  ['PUBLIC_URL', 'https://reports.example.com/#top'],
  ['S3_BUCKET', 'no bucket'],
  ['S3_REGION', 'Europe/Berlin'],
  ['S3_ENDPOINT', 's3.example.com'],
  ['S3_PREFIX', '/reports/'],
  ['S3_PREFIX', '../reports'],
  ['S3_FORCE_PATH_STYLE', 'maybe'],
  ['DEMO', 'maybe'],
  ['CONCURRENCY', '0'],
  ['CONCURRENCY', '65'],
  ['LOG_LEVEL', 'loud'],
])('%s=%s is refused by a line that names it, its value and what would do', (name, value) => {
  const { message } = refusal({ [name]: value })
  expect(message).toMatch(/^The configuration cannot be used\.\n {2}[A-Z0-9_]+ must .+; it is ".*"\.$/)
  expect(message).toContain(`\n  ${name} `)
  expect(message).toContain(`it is ${JSON.stringify(value)}.`)
})

test.each([
  'mysql://gateway:hunter2@db/reports',
  'gateway:hunter2@db',
  'host=db password=hunter2',
  'postgres://:hunter2@',
])('a DATABASE_URL that cannot be used is refused without being shown (%s)', (value) => {
  const error = refusal({ DATABASE_URL: value })
  expect(error.message).toContain('DATABASE_URL must have the form postgres://')
  expect(inspect(error, { depth: null })).not.toContain('hunter2')
  expect(refusal({ REPORTS_DATABASE_URL: value }).message).not.toContain('hunter2')
})

test('quotes and spaces around a secret are refused without showing it', () => {
  for (const name of ['DATABASE_URL', 'REPORT_GATEWAY_KEY', 'STRIPE_API_KEY']) {
    expect(refusal({ [name]: '"postgres://a:hunter2"' }).message).toBe(
      `The configuration cannot be used.\n  ${name} must be without quotes.`,
    )
    expect(refusal({ [name]: 'hunter2 ' }).message).toContain(`\n  ${name} must be without spaces around it.`)
  }
})

test.each([
  'postgres://gateway:hun@ter2@db/reports',
  'postgres://gateway:hun/ter2@db/reports',
  'postgres://gateway:hun#ter2@db/reports',
  'postgres://gateway:hun?ter2@db/reports',
  'postgres://gateway:hun ter2@db/reports',
  'postgres://gateway:hun%ter2@db/reports',
  'postgres://gateway:1/hun@ter2@db:5432/reports?sslmode=require',
])('a password with a raw character is refused by a sentence that says what to write (%s)', (value) => {
  const { message } = refusal({ DATABASE_URL: value })
  expect(message).toContain('write %40 for @, %2F for /, %3A for :, %23 for #')
  expect(message).not.toMatch(/hun|ter2|db/)
})

test.each([
  ['postgres://u:hunter2@db1,db2/reports', 'names several hosts, and one is supported'],
  ['postgres://u:hunter2@db/reports?service=main', 'has the parameter service, which is not supported'],
  ['postgres://u:hunter2@db/reports?sslmode=on', 'has an unknown sslmode. Use one of disable, allow'],
  ['postgres://u:hunter2@db/reports?sslrootcert=ca.pem', 'has sslrootcert without sslmode'],
  ['postgres://u:hunter2@db/reports?sslmode=require&sslcert=c.pem', 'must have both sslcert and sslkey'],
  ['postgres://u:hunter2@db:65536/reports', 'has a port that is not a number from 0 to 65535'],
  ['postgres://u:hunter2@[::1/reports', 'must have the form postgres://'],
])('a URL of Postgres that the gateway does not support is refused by a sentence (%s)', (value, problem) => {
  const { message } = refusal({ DATABASE_URL: value })
  expect(message).toContain(`DATABASE_URL ${problem}`)
  expect(message).not.toContain('hunter2')
})

test.each([
  'postgres://u:p@/reports?host=/run/postgresql',
  'postgres://u:p%40%2F%23@db.example.com/reports?sslmode=require&channel_binding=require',
  'postgres://u:p@[::1]:5433/reports?connect_timeout=5&application_name=me&target_session_attrs=read-write',
  'postgresql://u@%2Frun%2Fpostgresql:5433/reports',
  'postgres://db/reports?user=u&password=p&keepalives_idle=10',
])('a URL as libpq reads it is accepted (%s)', (value) => {
  expect(loadConfig({ DATABASE_URL: value }).databaseUrl).toBe(value)
})

test.each(['PUBLIC_URL', 'S3_ENDPOINT'])('a password in %s is refused without being shown', (name) => {
  for (const value of ['https://me:hunter2@r.example.com', 'https://hunter2@r.example.com', 'me:hunter2@r']) {
    const { message } = refusal({ DATABASE_URL: databaseUrl, S3_BUCKET: 'reports', [name]: value })
    expect(message).toContain(`\n  ${name} must be an address such as https://`)
    expect(message).not.toContain('hunter2')
  }
})

test('reports on a database of the operator need a login of their own', () => {
  expect(refusal({ DATABASE_URL: databaseUrl, REPORTS_DIR: 'reports' }).message).toContain(
    '\n  REPORTS_DIR needs REPORTS_DATABASE_URL beside DATABASE_URL',
  )
})

test.each([
  ['REPORTS_DIR', { REPORTS_DATABASE_URL: databaseUrl, REPORT_ROWS: '5', REPORT_SECONDS: '6' }],
  ['S3_BUCKET', { S3_REGION: 'eu', S3_ENDPOINT: 'http://minio:9000', S3_PREFIX: 'a' }],
  ['LEDGER_DATABASE_URL', { LEDGER_WAIT_SECONDS: '5' }],
])('what says more of %s is refused without it', (name, variables) => {
  const lines = refusal(variables).message.split('\n  ').slice(1)
  const told = Object.keys(variables).map((variable) =>
    expect.stringMatching(`^${variable} has no effect without ${name}\\b`),
  )
  expect(lines).toEqual(told)
})

test('a replica for reports needs the database that it is a replica of', () => {
  const replica = { LEDGER_DATABASE_URL: databaseUrl, LEDGER_WAIT_SECONDS: '5' }
  expect(refusal(replica).message).toContain('\n  LEDGER_DATABASE_URL names a replica of the database')
  expect(loadConfig({ DATABASE_URL: databaseUrl, ...replica }).replica).toEqual({
    url: databaseUrl,
    waitSeconds: 5,
  })
  expect(loadConfig({ DATABASE_URL: databaseUrl }).replica).toBeNull()
})

test('all mistakes are told at once', () => {
  const { message } = refusal({
    PORT: 'x',
    DATABASE_URL: 'db',
    CONCURRENCY: '0',
    LOG_LEVEL: 'y',
    DEMO: 'z',
    PUBLIC_URL: 'u',
  })
  const names = message
    .split('\n  ')
    .slice(1)
    .map((line) => line.split(' ', 1)[0])
  expect(names.toSorted()).toEqual(['CONCURRENCY', 'DATABASE_URL', 'DEMO', 'LOG_LEVEL', 'PORT', 'PUBLIC_URL'])
})

test.each([
  ['HOST', '192.168.1.5'],
  ['HOST', 'reports.example.com'],
  ['PUBLIC_URL', 'https://reports.example.com'],
])('without a database of its own %s=%s is refused, because the page holds a key', (name, value) => {
  expect(refusal({ [name]: value }).message).toBe(
    `The configuration cannot be used.\n  ${name} must be local, because without DATABASE_URL the gateway serves this machine alone; it is "${value}".`,
  )
  expect(loadConfig({ [name]: value, DATABASE_URL: databaseUrl })).toBeDefined()
})

test('what says more of a bucket is refused without one', () => {
  const { message } = refusal({
    S3_ENDPOINT: 'http://minio:9000',
    S3_PREFIX: 'a',
    S3_FORCE_PATH_STYLE: 'true',
  })
  expect(message.split('\n  ').slice(1)).toEqual([
    'S3_ENDPOINT has no effect without S3_BUCKET; it is "http://minio:9000".',
    'S3_PREFIX has no effect without S3_BUCKET; it is "a".',
    'S3_FORCE_PATH_STYLE has no effect without S3_BUCKET; it is true.',
  ])
})

import type { z } from 'zod'
import { ConfigurationError } from '../errors.ts'
import { settings } from './settings.ts'
import { findWrapped, shown, wrapperOf } from './value.ts'
import { inputOf, variablesOf } from './variable.ts'

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
  const mistakes = [
    ...findWrapped(given, variableNames()),
    ...(parsed.success
      ? [
          ...findUseless(given),
          ...findForeignLogin(parsed.data),
          ...findLoneReplica(parsed.data),
          ...findRemote(given),
        ]
      : parsed.error.issues.flatMap((issue) => explain(issue, given))),
  ]
  if (!parsed.success || mistakes.length > 0) {
    throw new ConfigurationError(['The configuration cannot be used.', ...mistakes].join('\n  '))
  }
  return createConfig(parsed.data)
}

/** Names of all variables that the gateway and its commands read. */
export function variableNames(): string[] {
  return [...variablesOf(settings), ...commandVariables.map(([name]) => ({ name }))].map(({ name }) => name)
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
function createConfig({
  s3: { bucket, ...s3 },
  reports: { folder, ...reports },
  ledger,
  ...others
}: Settings) {
  return {
    ...others,
    demo: others.demo ?? others.databaseUrl === null,
    /** Null keeps result files in `dataDir`. Few but Amazon give each bucket a host of its own. */
    s3: bucket === null ? null : { ...s3, bucket, forcePathStyle: s3.forcePathStyle ?? s3.endpoint !== null },
    /** Null when the operator has no custom reports. */
    reports: folder === null ? null : { ...reports, folder },
    /** The replica that built-in reports read; null when they read the primary. */
    replica:
      ledger.databaseUrl === null ? null : { url: ledger.databaseUrl, waitSeconds: ledger.waitSeconds },
  }
}

function explain({ path, message }: z.core.$ZodIssue, given: Environment): string[] {
  const { name = '' } = variablesOf(settings).find((one) => one.path.join() === path.join()) ?? {}
  const value = given[name]
  return value !== undefined && wrapperOf(value) ? [] : [`${name} ${message}${shown(name, value)}.`]
}

/** Variables that say more of something that is not there: the first of a group stands for the group. */
function findUseless(given: Environment): string[] {
  return [settings.shape.reports, settings.shape.s3, settings.shape.ledger].flatMap((group) => {
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

/** The embedded Postgres has no replica. */
function findLoneReplica({ databaseUrl, ledger }: Settings): string[] {
  if (ledger.databaseUrl === null || databaseUrl !== null) return []
  return [
    'LEDGER_DATABASE_URL names a replica of the database that DATABASE_URL names, so it needs DATABASE_URL.',
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

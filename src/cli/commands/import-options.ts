import { Temporal } from 'temporal-polyfill'
import { ConfigurationError } from '../../errors.ts'
import type { StripeAddress } from '../../ledger/stripe/client.ts'
import { readStripeKey, type StripeKey } from '../../ledger/stripe/client.ts'
import { readInstant } from '../client/report-parameters.ts'
import { helpOption, parseArguments } from '../parse-arguments.ts'

const options = {
  account: { type: 'string' },
  livemode: { type: 'boolean', default: false },
  ...helpOption,
  from: { type: 'string' },
  until: { type: 'string' },
  timezone: { type: 'string' },
  amounts: { type: 'string' },
  'skip-bad': { type: 'boolean', default: false },
  stripe: { type: 'boolean', default: false },
  host: { type: 'string' },
  port: { type: 'string' },
  protocol: { type: 'string' },
} as const

export type ImportOptions = ReturnType<typeof parseImport>['values']

export type FileImport = ReturnType<typeof readFileImport>

export type StripeImport = { key: StripeKey; address: StripeAddress; from: Date | null }

export function parseImport(args: string[], usage: string) {
  return parseArguments({ args, options, allowPositionals: true }, usage)
}

/** @throws ConfigurationError when an argument is not valid */
export function readFileImport(paths: readonly string[], values: Partial<ImportOptions>) {
  if (values.host ?? values.port ?? values.protocol)
    throw new ConfigurationError('--host, --port and --protocol require --stripe.')
  if (paths.length === 0)
    throw new ConfigurationError('No files are given. Usage: npm run import -- FILE… (see --help)')
  const timezone = readTimezone(values.timezone)
  const from = readTime('from', values.from, timezone)
  const until = readTime('until', values.until, timezone)
  if (from && until && from >= until) {
    throw new ConfigurationError(`--until ${values.until} must be later than --from ${values.from}.`)
  }
  if (until && until > new Date()) {
    throw new ConfigurationError(
      `--until ${values.until} is in the future. An export covers only the past: give an earlier time.`,
    )
  }
  if (values.amounts !== undefined && values.amounts !== 'major')
    throw new ConfigurationError(
      `--amounts ${values.amounts} is not supported. Give major, which means that 100 is 100.00.`,
    )
  return {
    paths,
    timezone,
    declared: { from, until },
    areMajorUnits: values.amounts === 'major',
    skipBad: values['skip-bad'] ?? false,
  }
}

/** @throws ConfigurationError when an argument or the key is not valid */
export function readStripeImport(
  paths: readonly string[],
  values: ImportOptions,
  stripeKey: string | undefined,
): StripeImport {
  if (paths.length > 0) {
    throw new ConfigurationError(
      `--stripe takes no files. Leave ${paths.join(' ')} out, or import it with a separate command.`,
    )
  }
  if (values.until !== undefined || values['skip-bad'])
    throw new ConfigurationError('--until and --skip-bad apply only to files: leave them out with --stripe.')
  if (values.amounts !== undefined)
    throw new ConfigurationError('--amounts applies only to files: leave it out with --stripe.')
  const from = readTime('from', values.from, readTimezone(values.timezone))
  if (from && from > new Date())
    throw new ConfigurationError(`--from ${values.from} is in the future. Give an earlier time.`)
  return { key: readStripeKey(stripeKey, values.livemode), address: readAddress(values), from }
}

function readTimezone(name = 'UTC'): string {
  try {
    return Temporal.Now.zonedDateTimeISO(name).timeZoneId
  } catch {
    throw new ConfigurationError(
      `--timezone ${name} is not a valid timezone. Give an IANA name such as Europe/Berlin.`,
    )
  }
}

function readTime(option: string, text: string | undefined, timezone: string): Date | null {
  if (text === undefined) return null
  try {
    return new Date(readInstant(text, timezone).epochMilliseconds)
  } catch {
    throw new ConfigurationError(
      `--${option} ${text} is not a valid time. Give a date such as 2026-09-01, or an instant such as 2026-09-01T00:00:00Z.`,
    )
  }
}

function readAddress({ host, port, protocol }: ImportOptions): StripeAddress {
  const number = port === undefined ? undefined : Number(port)
  if (number !== undefined && !(Number.isInteger(number) && number > 0 && number < 65_536))
    throw new ConfigurationError(`--port ${port} is not a valid port. Give a whole number from 1 to 65535.`)
  if (protocol !== undefined && protocol !== 'http' && protocol !== 'https')
    throw new ConfigurationError(`--protocol ${protocol} is not a valid protocol. Give http or https.`)
  return { host, port: number, protocol }
}

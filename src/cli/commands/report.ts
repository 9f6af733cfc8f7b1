import { loadConfig } from '../../config/config.ts'
import { ClientError, KeyRefusedError, UnreachableError } from '../client/client-error.ts'
import { findGateway } from '../client/gateway-address.ts'
import { readParameters } from '../client/report-parameters.ts'
import { fetchReportParameters } from '../client/report-run.ts'
import { runReport } from '../client/run-report.ts'
import { checkFilePath } from '../client/save-report-file.ts'
import type { Command } from '../command.ts'
import { parseArguments } from '../parse-arguments.ts'

const help = `npm run report -- TYPE [options]

Creates a report run on a gateway, follows it, downloads the file and checks it.

  --from, --to TIME       start, and exclusive end: a date, which means midnight in the timezone, or an instant
                          such as 2026-09-01T00:00:00Z; default: the previous month
  --timezone NAME         IANA name; default: Etc/UTC
  --currency CODE         settlement currency to include
  --columns A,B,C         columns to write, in this order
  --set NAME=VALUE        any other parameter of the report type; can be repeated
  --label TEXT            label of the run
  --format KIND           csv, jsonl or parquet; default: csv
  --compression KIND      gzip or zstd; inside the file for parquet
  --out FILE              file to write; - for standard output (then use npm run --silent)
  --live                  use the demo's live key
  --url URL               address of the gateway; default: GATEWAY_URL, else HOST and PORT

The API key is read from REPORT_GATEWAY_KEY; default: the demo key of the gateway in this folder.`

// There is no option for the key, because every user of the machine can read the arguments of its processes.
const options = {
  from: { type: 'string' },
  to: { type: 'string' },
  timezone: { type: 'string' },
  currency: { type: 'string' },
  columns: { type: 'string' },
  set: { type: 'string', multiple: true },
  label: { type: 'string' },
  format: { type: 'string' },
  compression: { type: 'string' },
  out: { type: 'string' },
  live: { type: 'boolean', default: false },
  url: { type: 'string' },
} as const

export const reportCommand: Command = async ({ args, environment, print, stdout, stderr, signal }) => {
  if (args.includes('--help') || args.includes('-h')) return print(help)
  const { type, values, files } = readArguments(args)
  const { out, live, url, label = null } = values
  const isPiped = out === '-'
  if (out !== undefined && !isPiped) await checkFilePath(out)
  const config = loadConfig(environment)
  const gateway = await findGateway({
    ...config,
    url: url ?? (environment.GATEWAY_URL || undefined),
    key: environment.REPORT_GATEWAY_KEY,
    live,
  })
  try {
    const parameters = readParameters(values, await fetchReportParameters(gateway, type), new Date())
    const input = { report: { byName: { name: type, parameters } }, output: files, label }
    const output = isPiped ? stdout : (out ?? null)
    const summary = await runReport({ gateway, input, output, stderr, signal })
    if (isPiped) stderr.write(`${summary}\n`)
    else print(summary)
  } catch (error) {
    throw advise(error, gateway.keySource)
  }
}

function readArguments(args: string[]) {
  const { values, positionals } = parseArguments({ args, options, allowPositionals: true }, help)
  const [type, ...others] = positionals
  if (!type) throw new ClientError(`No report type is given. Name one, such as balance.summary.1.\n\n${help}`)
  if (others.length > 0)
    throw new ClientError(`Only one report type can be given: leave ${others.join(' ')} out.`)
  const format = choose('format', values.format, ['CSV', 'JSONL', 'PARQUET']) ?? 'CSV'
  const compression = choose('compression', values.compression, ['GZIP', 'ZSTD']) ?? ('NONE' as const)
  return { type, values, files: { formats: [format], compression } }
}

/** The choice that an option names in lower case; null when the option is absent. */
function choose<const Choice extends string>(
  option: string,
  given: string | undefined,
  choices: readonly Choice[],
): Choice | null {
  if (given === undefined) return null
  const choice = choices.find((name) => name.toLowerCase() === given)
  if (choice) return choice
  const names = choices.join(' or ').toLowerCase()
  throw new ClientError(`--${option} ${given} is not valid. Give ${names}, or leave the option out.`)
}

/** Adds advice to an error. */
function advise(error: unknown, source: string): unknown {
  if (error instanceof UnreachableError) {
    const message = `${error.message}\nStart one with "npm start", or give the address of another one: --url http://HOST:PORT`
    return new UnreachableError(message, { cause: error })
  }
  if (error instanceof KeyRefusedError) {
    return new KeyRefusedError(`${error.message} It was read from ${source}.`, { cause: error })
  }
  return error
}

import { parseArgs } from 'node:util'
import { loadConfig } from '../../config/config.ts'
import { ClientError, KeyRefusedError, UnreachableError } from '../client/client-error.ts'
import { findGateway } from '../client/gateway-address.ts'
import { readParameters } from '../client/report-parameters.ts'
import { fetchReportParameters } from '../client/report-run.ts'
import { runReport } from '../client/run-report.ts'
import { checkFilePath } from '../client/save-report-file.ts'
import type { Command } from '../command.ts'

const help = `npm run report -- TYPE [options]

Creates a report run on a gateway, follows it, downloads the file and checks it.

  --from, --to TIME       start, and exclusive end: a date, which means its midnight in the timezone, or an instant
                          such as 2026-09-01T00:00:00Z; the previous month when both are left out
  --timezone NAME         IANA name; Etc/UTC when left out
  --currency CODE         settlement currency to keep
  --columns A,B,C         columns to write, in this order
  --set NAME=VALUE        any other parameter of the report type; may be repeated
  --label TEXT            label of the run
  --format KIND           csv, jsonl or parquet; csv when left out
  --compression KIND      gzip or zstd; inside of the file for parquet
  --out FILE              file to write; - is standard output (then say npm run --silent)
  --live                  use the demo's live key
  --url URL               gateway; else GATEWAY_URL, else the one of HOST and PORT

The API key is taken from REPORT_GATEWAY_KEY, else it is the demo key of the gateway in this folder.`

// There is no option for the key: every user of the machine can read the arguments of its processes.
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
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const [type, ...others] = positionals
  if (!type) throw new ClientError(`Which report? For example balance.summary.1.\n\n${help}`)
  if (others.length > 0) throw new ClientError(`One report at a time: ${others.join(' ')} is too much.`)
  const format = choose('format', values.format, ['CSV', 'JSONL', 'PARQUET']) ?? 'CSV'
  const compression = choose('compression', values.compression, ['GZIP', 'ZSTD']) ?? ('NONE' as const)
  return { type, values, files: { formats: [format], compression } }
}

/** The choice that an option names in lower case; null when it was left out. */
function choose<const Choice extends string>(
  option: string,
  given: string | undefined,
  choices: readonly Choice[],
): Choice | null {
  if (given === undefined) return null
  const choice = choices.find((name) => name.toLowerCase() === given)
  if (choice) return choice
  const names = choices.join(' or ').toLowerCase()
  throw new ClientError(`--${option} ${given} is unknown. Give ${names}, or leave it out.`)
}

/** The same error with what can be done about it. */
function advise(error: unknown, source: string): unknown {
  if (error instanceof UnreachableError) {
    const message = `${error.message}\nStart one with "npm start", or name another one: --url http://HOST:PORT`
    return new UnreachableError(message, { cause: error })
  }
  if (error instanceof KeyRefusedError) {
    return new KeyRefusedError(`${error.message} It was taken from ${source}.`, { cause: error })
  }
  return error
}

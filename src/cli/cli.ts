import { readFile } from 'node:fs/promises'
import { defaultDataDir } from '../config/folder.ts'
import { nearestTo } from '../config/misspelled.ts'
import { ConfigurationError, UserFacingError } from '../errors.ts'
import { ClientError, StoppedError } from './client/client-error.ts'
import type { Command } from './command.ts'
import { keepCompiledCode } from './compile-cache.ts'

// Loaded on demand: the terminal client needs none of the gateway's modules.
const commands: Partial<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./commands/start.ts')).startCommand,
  migrate: async () => (await import('./commands/migrate.ts')).migrateCommand,
  schema: async () => (await import('./commands/schema.ts')).schemaCommand,
  keys: async () => (await import('./commands/keys.ts')).keysCommand,
  import: async () => (await import('./commands/import.ts')).importCommand,
  reports: async () => (await import('./commands/reports.ts')).reportsCommand,
  ledger: async () => (await import('./commands/ledger.ts')).ledgerCommand,
  storage: async () => (await import('./commands/storage.ts')).storageCommand,
  report: async () => (await import('./commands/report.ts')).reportCommand,
  admin: async () => (await import('./commands/admin.ts')).adminCommand,
}

const help = `npm start | npm run COMMAND -- [options]

  start      start the gateway, a worker, or both
  migrate    apply the migrations that the database lacks
  schema     write the GraphQL schema to schema.graphql
  keys       create, list and revoke API keys
  import     import the ledger from exports of Stripe, or from Stripe
  reports    check and list the custom reports
  ledger     check the sums from which reports take balances
  storage    adopt another file store
  report     run a report and download its file
  admin      look at accounts, runs and schedules of all accounts, and cancel runs

Add --help to a command for its options. --version prints the version.`

// The terminal sends SIGINT to npm and to this process, and npm forwards it, so one Ctrl-C can arrive twice.
const sameInterruptMilliseconds = 1_500

function stopSignal(): AbortSignal {
  const controller = new AbortController()
  let first: { name: NodeJS.Signals; at: number } | null = null
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      const isFirst = first === null
      first ??= { name, at: performance.now() }
      controller.abort()
      const isSame =
        name === 'SIGINT' && first.name === name && performance.now() - first.at <= sameInterruptMilliseconds
      // A second signal ends the process at once.
      if (!isFirst && !isSame) process.exit(130)
    })
  }
  return controller.signal
}

/** The message alone for user errors; the stack as well for all other errors. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isUserError =
    error instanceof ConfigurationError || error instanceof UserFacingError || error instanceof ClientError
  return isUserError ? error.message : (error.stack ?? error.message)
}

/** `help COMMAND` means `COMMAND --help`. */
function readCommand(args: string[]): string[] {
  const [name, ...others] = args
  return name === 'help' ? [...others, '--help'] : args
}

async function readVersion(): Promise<string> {
  const file = new URL('../../package.json', import.meta.url)
  const { name, version }: { name: string; version: string } = JSON.parse(await readFile(file, 'utf8'))
  return `${name} ${version}, Node ${process.version}`
}

function explainCommand(name: string): string {
  if (name === '') return help
  const names = Object.keys(commands)
  const near = nearestTo(name, names)
  const suggestion = near ? ` Did you mean ${near}?` : ''
  return `There is no command "${name}".${suggestion} The commands are ${names.join(', ')}.`
}

async function main(): Promise<number> {
  const [name = '', ...args] = readCommand(process.argv.slice(2))
  if (/^(--version|-[vV])$/.test(name) || args.includes('--version')) {
    process.stdout.write(`${await readVersion()}\n`)
    return 0
  }
  if (/^(--help|-h)$/.test(name)) {
    process.stdout.write(`${help}\n`)
    return 0
  }
  const load = commands[name]
  if (!load) {
    process.stderr.write(`${explainCommand(name)}\n`)
    return 2
  }
  // A closed pipe or terminal must not prevent a command from ending in order.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  try {
    if (name === 'start') keepCompiledCode(process.env.DATA_DIR || defaultDataDir)
    const command = await load()
    await command({
      args,
      environment: process.env,
      print: (line) => process.stdout.write(`${line}\n`),
      stdout: process.stdout,
      stderr: process.stderr,
      signal: stopSignal(),
    })
    return 0
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    return error instanceof StoppedError ? 130 : 1
  }
}

// Exits explicitly, because resources left open must not keep the process alive.
process.exit(await main())

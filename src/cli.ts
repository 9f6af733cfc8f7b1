import { keysCommand } from './commands/keys.ts'
import { migrateCommand } from './commands/migrate.ts'
import { reportCommand } from './commands/report.ts'
import { schemaCommand } from './commands/schema.ts'
import { startCommand } from './commands/start.ts'
import { ConfigurationError, UserFacingError } from './errors.ts'

/** What a command has of the process around it. */
export type CommandContext = {
  /** Arguments after the command's name. */
  args: string[]
  environment: Record<string, string | undefined>
  /** Writes a line to standard output. */
  print: (line: string) => void
  /** Ends when the process is asked to: Ctrl-C, or SIGTERM. */
  signal: AbortSignal
}

/** A command returns when it has done its work, and throws when it could not. */
export type Command = (context: CommandContext) => Promise<void>

const commands: Record<string, Command> = {
  start: startCommand,
  migrate: migrateCommand,
  schema: schemaCommand,
  keys: keysCommand,
  report: reportCommand,
}

const stopSignal = (): AbortSignal => {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // A second signal means that the first took too long.
      if (controller.signal.aborted) process.exit(130)
      controller.abort()
    })
  }
  return controller.signal
}

const isArgumentError = (error: Error): boolean =>
  'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')

/** Mistakes of the user as their sentence; anything else whole, for whoever has to find the fault. */
const explain = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const isMistake =
    error instanceof ConfigurationError || error instanceof UserFacingError || isArgumentError(error)
  return isMistake ? error.message : (error.stack ?? error.message)
}

const main = async (): Promise<number> => {
  const [name = '', ...args] = process.argv.slice(2)
  const command = commands[name]
  if (!command) {
    process.stderr.write(
      `There is no command "${name}". The commands are ${Object.keys(commands).join(', ')}.\n`,
    )
    return 2
  }
  try {
    await command({
      args,
      environment: process.env,
      print: (line) => process.stdout.write(`${line}\n`),
      signal: stopSignal(),
    })
    return 0
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    return 1
  }
}

// Not left to end by itself: Prisma's migration engine keeps a timer of ten seconds after its work.
process.exit(await main())

import { type ParseArgsConfig, parseArgs } from 'node:util'
import { nearestTo } from '../config/misspelled.ts'
import { ClientError } from './client/client-error.ts'

export const helpOption = { help: { type: 'boolean', short: 'h', default: false } } as const

/**
 * Parses the arguments of a command as parseArgs does.
 *
 * @throws ClientError that names the argument at fault, with the usage of the command
 */
export function parseArguments<Config extends ParseArgsConfig>(config: Config, usage: string) {
  try {
    return parseArgs(config)
  } catch (cause) {
    throw new ClientError(`${explain(cause, Object.keys(config.options ?? {}))}\n\n${usage}`, { cause })
  }
}

/** The messages of Node name the option in quotes, followed by advice that rarely applies. */
function explain(error: unknown, options: readonly string[]): string {
  if (!(error instanceof Error && 'code' in error)) throw error
  const [, quoted = ''] = /'([^']*)'/.exec(error.message) ?? []
  switch (error.code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      return `Unknown option ${quoted}.${suggest(quoted.replace(/^-+/, ''), options)}`
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return `Unexpected argument ${quoted}.`
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE':
      return explainValue(quoted.replace(' <value>', ''), error.message)
    default:
      throw error
  }
}

function suggest(name: string, options: readonly string[]): string {
  const near = nearestTo(name, options)
  return near ? ` Did you mean --${near}?` : ''
}

function explainValue(option: string, message: string): string {
  return message.includes('does not take an argument')
    ? `The option ${option} takes no value.`
    : `The option ${option} needs a value. If the value starts with "-", use ${option}=VALUE.`
}

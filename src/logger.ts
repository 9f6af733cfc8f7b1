import pino, { type DestinationStream, type Logger, type LoggerOptions } from 'pino'
import { withoutSecrets } from './secrets.ts'

/** The log of a process: lines of JSON, from which secrets are taken out last of all. */
export function createLogger(level: LoggerOptions['level'], destination: DestinationStream): Logger {
  return pino(
    {
      ...(level !== undefined && { level }),
      serializers: { err: describeError },
      hooks: { streamWrite: withoutSecrets },
    },
    destination,
  )
}

/** An error without the connection that `pg` hangs on it, which holds a secret and fills pages. */
function describeError(error: Error): object {
  const { client: _, ...described } = pino.stdSerializers.err(error)
  return described
}

import pino, { type DestinationStream, type Logger, type LoggerOptions } from 'pino'
import { withoutSecrets } from './secrets.ts'

/** Creates the logger of a process. It writes lines of JSON and redacts secrets after serialization. */
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

/** Serializes an error without the connection that `pg` attaches: it contains a secret and is very long. */
function describeError(error: Error): object {
  const { client: _, ...described } = pino.stdSerializers.err(error)
  return described
}

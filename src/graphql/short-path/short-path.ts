import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ExecutionResult, GraphQLError } from 'graphql'
import { processRegularResult } from 'graphql-yoga'
import type { HttpStatus } from '../../error-codes.ts'
import { noteOperation } from '../../request-context.ts'
import type { Connection, GatewayServices, OpenContext } from '../context.ts'
import { errorsOf } from '../errors.ts'
import type { Execute } from '../execution/execute-compiled.ts'
import { withStatuses } from '../plugins/error-statuses.ts'
import type { SizeCheck } from '../plugins/limits.ts'
import { countExecuted } from '../plugins/metrics.ts'
import type { ValidDocuments } from '../plugins/valid-documents.ts'
import type { ErrorLimit } from '../plugins/validation.ts'
import { schema } from '../schema.ts'
import { streamSink } from '../transports/sinks.ts'
import { mediaTypeFor, readOperation, type SentOperation, takeBody } from './common-request.ts'

/**
 * Answers a request, if it is a common one. Otherwise, gives false and leaves the request, with its body, to Yoga.
 */
export type ShortPath = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>

export type ShortPathParts = Pick<GatewayServices, 'metrics'> & {
  documents: ValidDocuments
  checkSize: SizeCheck
  errorLimit: ErrorLimit
  execute: Execute
  mask: (error: unknown) => GraphQLError
  openContext: OpenContext
  fetchAPI: Parameters<typeof processRegularResult>[1]
}

/**
 * Creates the short path past Yoga for a POST request of JSON whose document Yoga has already parsed and validated. Yoga
 * serves such a request in more than twice the CPU time, because it makes web streams, requests and responses of those of Node,
 * and calls each hook of each plugin. The answer is the same in every byte, and the work is done by the same functions.
 */
export function createShortPath(parts: ShortPathParts): ShortPath {
  const { documents, checkSize, errorLimit, execute, mask, metrics, openContext } = parts

  const run = async (operation: SentOperation, headers: Pick<Headers, 'get'>, connection: Connection) => {
    const { document, kind, name, operationName, variables } = operation
    checkSize(document, variables)
    noteOperation(kind, name)
    const contextValue = await openContext(headers, connection, variables)
    const result = await execute({
      schema,
      document,
      operationName,
      variableValues: variables,
      contextValue,
      hideSuggestions: errorLimit.hideSuggestions,
    })
    countExecuted(metrics, kind, result)
    return errorLimit.shorten(result)
  }

  return async (request, response) => {
    const mediaType = mediaTypeFor(request)
    if (mediaType === null) return false
    const body = await takeBody(request)
    // The client has disconnected.
    if (body === null) return true
    const operation = readOperation(documents, body)
    if (!operation) {
      request.unshift(body)
      return false
    }
    request.resume()
    const gone = new AbortController()
    const connection = { gone: gone.signal, sink: streamSink(response) }
    response.once('close', () => {
      if (!response.writableFinished) gone.abort()
    })
    const result = await run(operation, headersOf(request), connection).catch((error: unknown) => ({
      errors: [mask(error)],
    }))
    await send(response, result, mediaType, parts)
    return true
  }
}

/** Sends a result as Yoga does. */
async function send(
  response: ServerResponse,
  result: ExecutionResult,
  mediaType: string,
  { mask, fetchAPI }: Pick<ShortPathParts, 'mask' | 'fetchAPI'>,
): Promise<void> {
  if (response.destroyed) return
  if (errorsOf(result).length === 0) {
    const text = JSON.stringify(result)
    const headers = {
      'Content-Type': `${mediaType}; charset=utf-8`,
      'content-length': Buffer.byteLength(text),
    }
    response.writeHead(200 satisfies HttpStatus<'/graphql'>, headers).end(text)
    return
  }
  const answer = processRegularResult(withStatuses(result, mask), fetchAPI, mediaType)
  const text = await answer.text()
  response.setHeaders(answer.headers).writeHead(answer.status, answer.statusText).end(text)
}

function headersOf({ headers }: IncomingMessage): Pick<Headers, 'get'> {
  return {
    get: (name) => {
      const value = headers[name]
      return typeof value === 'string' ? value : null
    },
  }
}

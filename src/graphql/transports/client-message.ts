import { MessageType } from 'graphql-ws'
import { isPersistedQuery } from '../plugins/persisted-queries.ts'

/** A message as the protocol of graphql-ws takes it. */
export type ClientMessage = {
  text: string
  /** The ID of the operation that the message starts; null for other messages. */
  operationId: string | null
  /** The ID of the operation that the message completes; null for other messages. */
  completedId: string | null
}

const serverTypes = new Set<unknown>([MessageType.ConnectionAck, MessageType.Next, MessageType.Error])

/**
 * Reads a message of a client; null when only a server sends messages of its type, which graphql-ws reports as an internal
 * error. A message that graphql-ws rejects with the right code stays as it is.
 *
 * A persisted query gets an empty document, because graphql-ws closes the socket when there is none.
 */
export function readMessage(text: string): ClientMessage | null {
  const message = parse(text)
  const { type, id, payload } = message
  if (serverTypes.has(type)) return null
  const completedId = type === MessageType.Complete && typeof id === 'string' ? id : null
  if (type !== MessageType.Subscribe || typeof id !== 'string')
    return { text, operationId: null, completedId }
  const whole = hasNoDocument(payload)
    ? JSON.stringify({ ...message, payload: { ...payload, query: '' } })
    : text
  return { text: whole, operationId: id, completedId }
}

/** True for the payload of a persisted query without `query`. */
function hasNoDocument(payload: unknown): payload is object {
  return payload instanceof Object && !('query' in payload) && isPersistedQuery(payload)
}

/** An empty object for a text that is not a JSON object. */
function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return value instanceof Object ? { ...value } : {}
  } catch {
    return {}
  }
}

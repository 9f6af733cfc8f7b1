import { type Entry, lasting, passing } from './error-codes.ts'

/** The codes with which the gateway closes a WebSocket. */
export const closeCodes = {
  protocolError: lasting('A frame violates the WebSocket protocol.', 'Correct the client or the proxy.', {
    number: 1002,
  }),
  notUtf8: lasting('A message is not valid UTF-8.', 'Send text in UTF-8.', { number: 1007 }),
  tooManyFragments: lasting('A message has too many fragments.', 'Send each message in one frame.', {
    number: 1008,
  }),
  messageTooLong: lasting(
    'A message is longer than `MAX_MESSAGE_BYTES`.',
    'Send shorter documents and variables.',
    { number: 1009 },
  ),
  restarting: passing('The gateway is restarting.', 'Connect again immediately, with the last cursor.', {
    number: 1012,
  }),
  tryAgainLater: passing(
    'The database is not available.',
    'Connect again after a delay, with the last cursor.',
    { number: 1013 },
  ),
  badMessage: lasting(
    'A message does not follow the protocol `graphql-transport-ws`.',
    'Correct the message.',
    { number: 4400 },
  ),
  unauthorized: lasting(
    'The API key is unknown, revoked or expired, or the client sent an operation before `connection_ack`. The close reason states which. An open connection closes within 5 s of the revocation or expiry.',
    'Connect again with an active key, and wait for `connection_ack`.',
    { number: 4401 },
  ),
  wrongSubprotocol: lasting('The client did not offer the subprotocol.', 'Offer `graphql-transport-ws`.', {
    number: 4406,
  }),
  initTimeout: passing(
    'The client did not send `connection_init` in time.',
    'Connect again, and send `connection_init` first.',
    { number: 4408 },
  ),
  operationExists: lasting(
    'The ID of the operation is already in use on the connection.',
    'Give each operation a unique ID.',
    { number: 4409 },
  ),
  slowReader: passing(
    'The client did not read its messages.',
    'Read faster or subscribe to less, and connect again with the last cursor.',
    { number: 4413 },
  ),
  tooManyConnections: passing(
    'The API key has too many open connections, or the client sent `connection_init` twice. The close reason states which.',
    'Close another connection, then connect again.',
    { number: 4429 },
  ),
  internalError: passing(
    'An internal error of the gateway. The close reason contains the error ID.',
    'Give the error ID to support.',
    { number: 4500 },
  ),
} as const satisfies Record<string, Entry & { readonly number: number }>

export type CloseCode = keyof typeof closeCodes

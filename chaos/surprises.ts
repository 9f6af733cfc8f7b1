/** Close codes of a gateway or a broken connection after which a client reconnects; 4499 is the client's own. */
const retryableCodes = new Set([1000, 1001, 1006, 1012, 1013, 4499])

/** A gateway that is not available. */
const unavailable = 503
/** Of a proxy alone: the gateway that it has chosen was killed, or is paused. */
const proxyStatuses = new Set([502, 504])

type GraphqlErrors = readonly { message: string; extensions?: Record<string, unknown> }[]

/** An error that no client should receive, even during faults: one that does not ask to try again. Null when none is. */
export function surpriseIn(errors: GraphqlErrors | undefined): string | null {
  const unexpected = (errors ?? []).filter(({ extensions }) => extensions?.code !== 'UNAVAILABLE')
  return unexpected.length > 0 ? JSON.stringify(unexpected) : null
}

/**
 * The same for what a client library throws: a close of the WebSocket, an HTTP response, or a broken connection.
 *
 * @param isBehindProxy whether a proxy can answer in place of a gateway
 */
export function surpriseOf(thrown: unknown, isBehindProxy: boolean): string | null {
  if (!(thrown instanceof Object)) return null
  if ('code' in thrown && typeof thrown.code === 'number' && thrown.code >= 1000) {
    const reason = 'reason' in thrown ? thrown.reason : ''
    return retryableCodes.has(thrown.code) ? null : `closed by ${thrown.code} ${reason}`
  }
  if (!('response' in thrown && thrown.response instanceof Response)) return null
  const { status } = thrown.response
  const isExpected = status === unavailable || (isBehindProxy && proxyStatuses.has(status))
  return isExpected ? null : `answered by ${status}`
}

/** Close codes of a gateway or a broken connection after which a client reconnects; 4499 is the client's own. */
const retryableCodes = new Set([1000, 1001, 1006, 1012, 1013, 4499])

type GraphqlErrors = readonly { message: string; extensions?: Record<string, unknown> }[]

/** An error that no client should receive, even during faults: one that does not ask to try again. Null when none is. */
export function surpriseIn(errors: GraphqlErrors | undefined): string | null {
  const unexpected = (errors ?? []).filter(({ extensions }) => extensions?.code !== 'UNAVAILABLE')
  return unexpected.length > 0 ? JSON.stringify(unexpected) : null
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

/** The same for what a client library throws: a close of the WebSocket, an HTTP response, or a broken connection. */
export function surpriseOf(thrown: unknown): string | null {
  const { code, reason, response } = Object(thrown)
  if (isNumber(code) && code >= 1000) return retryableCodes.has(code) ? null : `closed by ${code} ${reason}`
  if (response instanceof Response) return response.status === 503 ? null : `answered by ${response.status}`
  return null
}

/** Codes by which a gateway, or a broken line, tells a client to come again; 4499 is the client's own. */
const passingCodes = new Set([1000, 1001, 1006, 1012, 1013, 4499])

type GraphqlErrors = readonly { message: string; extensions?: Record<string, unknown> }[]

/** What no client should be told while everything around it breaks: an error that does not say to try again. */
export function surpriseIn(errors: GraphqlErrors | undefined): string | null {
  const unexpected = (errors ?? []).filter(({ extensions }) => extensions?.code !== 'UNAVAILABLE')
  return unexpected.length > 0 ? JSON.stringify(unexpected) : null
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

/** The same of what a client library throws: a close of the WebSocket, an answer by HTTP, or a broken line. */
export function surpriseOf(thrown: unknown): string | null {
  const { code, reason, response } = Object(thrown)
  if (isNumber(code) && code >= 1000) return passingCodes.has(code) ? null : `closed by ${code} ${reason}`
  if (response instanceof Response) return response.status === 503 ? null : `answered by ${response.status}`
  return null
}

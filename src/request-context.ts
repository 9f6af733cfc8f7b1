import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes, randomUUID } from 'node:crypto'
import { type Tenant, tenantOf } from './tenant.ts'

/** The fields that identify a request in log lines. */
export type RequestContext = {
  requestId: string
  /** Absent until the API key is verified, and for requests without a key. */
  accountId?: string
  livemode?: boolean
  /** Kind and name of the GraphQL operation; absent until it is parsed, and for other requests. */
  operation?: string
}

const storage = new AsyncLocalStorage<Partial<RequestContext>>()

/** Characters of an operation's name that are logged. */
export const maxNameLength = 100

/** Characters that are safe in a header, a log and a shell. */
const safeId = /^[\w.:+/=@-]{1,128}$/

// The specification does not allow ids of only zeros.
const traceparentPattern = /^([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/

/** Returns the value of `x-request-id` when it is a valid id, and otherwise a new id. */
export function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && safeId.test(given) ? given : randomUUID()
}

/** Runs `work`, and everything that it awaits, in the context of a request. */
export function inRequest<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work)
}

/** Returns the context of the current request, or an empty object outside a request. Spread it into log lines. */
export function currentRequest(): Partial<RequestContext> {
  return storage.getStore() ?? {}
}

/** Runs work that several requests share, such as reads for all of them, outside the context of any of them. */
export function outsideRequest<T>(work: () => T): T {
  return storage.exit(work)
}

/** Runs work that several requests of one account share in a context of that account. */
export function onBehalfOf<T>(tenant: Tenant, work: () => T): T {
  return storage.run(tenantOf(tenant), work)
}

/** Adds account and mode to the context of the current request. */
export function noteViewer(viewer: Tenant): void {
  const request = storage.getStore()
  if (!request) return
  request.accountId = viewer.accountId
  request.livemode = viewer.livemode
}

/** Adds a GraphQL operation to the context of the current request. A client chooses the name, so it is shortened. */
export function noteOperation(kind: string, name: string | undefined): void {
  const request = storage.getStore()
  if (request) request.operation = name === undefined ? kind : `${kind} ${name.slice(0, maxNameLength)}`
}

/** Returns a new trace id in OpenTelemetry's form: 32 hex digits. */
export function newTraceId(): string {
  return randomBytes(16).toString('hex')
}

/** Returns the trace id in a W3C `traceparent` header; null when the header is absent or malformed. */
export function readTraceparent(header: string | null | undefined): string | null {
  const [, version, traceId, rest] = traceparentPattern.exec(header ?? '') ?? []
  // Version 00 has no further parts, and version ff is not valid.
  const isValid = version !== 'ff' && (version !== '00' || rest === undefined)
  return traceId !== undefined && isValid ? traceId : null
}

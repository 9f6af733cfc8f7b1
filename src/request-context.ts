import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes, randomUUID } from 'node:crypto'
import type { Tenant } from './tenant.ts'

/** What a line of the log says of the request that it belongs to. */
export type RequestContext = {
  requestId: string
  /** Absent until the key is known, and when there is none. */
  accountId?: string
  livemode?: boolean
}

const storage = new AsyncLocalStorage<RequestContext>()

/** Safe in a header, a log and a shell; anything longer is no id. */
const saneId = /^[\w.:+/=@-]{1,128}$/

// Ids of nothing but zeros are none.
const pattern = /^([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/

/** The id that a client or proxy gave its request in `x-request-id`, when it is one; else a new one. */
export function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && saneId.test(given) ? given : randomUUID()
}

/** Runs `work`, and all that it waits for, as part of a request. */
export function inRequest<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work)
}

/** The request that the caller works for; an empty object outside any. To be spread into a line of the log. */
export function currentRequest(): Partial<RequestContext> {
  return storage.getStore() ?? {}
}

/** Notes who asks, once that is known. */
export function noteViewer(viewer: Tenant): void {
  const request = storage.getStore()
  if (!request) return
  request.accountId = viewer.accountId
  request.livemode = viewer.livemode
}

/** A new trace id as OpenTelemetry writes them: 32 hex digits. */
export function newTraceId(): string {
  return randomBytes(16).toString('hex')
}

/** The trace id in a W3C `traceparent` header; null when there is none, or the header is not well formed. */
export function readTraceparent(header: string | null | undefined): string | null {
  const [, version, traceId, rest] = pattern.exec(header ?? '') ?? []
  // Only later versions may have more parts, and ff is no version.
  const isKnown = version !== 'ff' && (version !== '00' || rest === undefined)
  return traceId !== undefined && isKnown ? traceId : null
}

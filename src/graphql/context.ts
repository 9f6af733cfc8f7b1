import { type FindKey, verifyApiKey } from '../auth/api-keys.ts'
import type { KeyUse } from '../auth/key-use.ts'
import type { KeyWatch } from '../auth/key-watch.ts'
import type { SocketLimits } from '../config/config.ts'
import { AuthenticationError } from '../errors.ts'
import { eventLoopTurn } from '../event-loop.ts'
import type { FairQueue } from '../fair-queue.ts'
import type { EstimateRows } from '../reports/estimate-rows.ts'
import { noteViewer, readTraceparent } from '../request-context.ts'
import type { QueueStatusLoader } from '../runs/estimate/queue-status.ts'
import type { Sink } from '../runs/follow/delivery.ts'
import type { LiveEvents } from '../runs/follow/live-events.ts'
import type { LiveRun } from '../runs/follow/live-run.ts'
import type { Shared } from '../runs/follow/shared.ts'
import type { Services } from '../runs/services.ts'
import type { FileLinks } from '../storage/link.ts'
import type { Viewer } from '../tenant.ts'
import type { Loaders } from './loaders.ts'
import type { ConnectionCount } from './transports/connection-limits.ts'

/** The services that all requests share. */
export type GatewayServices = Services & {
  findKey: FindKey
  slowReads: FairQueue
  links: FileLinks
  loaders: Loaders
  queueStatuses: QueueStatusLoader
  estimateRows: EstimateRows
  keyWatch: KeyWatch
  keyUse: KeyUse
  takeConnection: ConnectionCount
  takeSubscription: ConnectionCount
  socketLimits: SocketLimits
  /** The subscriptions that share their messages. */
  live: { events: Shared<LiveEvents>; runs: Shared<LiveRun> }
  /** Whether equal subscriptions share their messages. */
  sharesEvents: boolean
}

/** The connection of an operation. */
export type Connection = {
  /** Aborts when the connection closes. */
  gone: AbortSignal
  /** Where a subscription can send messages by itself. */
  sink: Sink
  /** Receives the stream of a subscription that does so. What has opened the stream is then no longer needed. */
  takeOver?: (stream: AsyncIterable<never>) => void
}

export type Context = GatewayServices &
  Connection & {
    /** Null when the request has no key. Such a request can only read the schema. */
    viewer: Viewer | null
    isSocket: boolean
    /** The services alone, for work that outlasts the operation. */
    services: GatewayServices
    /** The variables of the operation, as they were sent. */
    variables: Record<string, unknown>
    /** The header Idempotency-Key; null when the request has none, as over WebSocket. */
    idempotencyKey: string | null
    /** The trace ID from the header traceparent; null when the request has none. */
    traceId: string | null
    /** The header Last-Event-ID; null when the request has none, as over WebSocket. */
    lastEventId: string | null
    /** The cursor of the event that a subscription sends next; null when its events have no cursor. */
    delivered: { eventCursor: string | null }
  }

/**
 * Authenticates a request over HTTP and creates its context.
 *
 * @throws GraphQLError when the key is not valid
 */
export type OpenContext = (
  headers: Pick<Headers, 'get'>,
  connection: Connection,
  variables: Record<string, unknown> | null | undefined,
) => Promise<Context>

/**
 * The viewer that a key identifies; null when the request has no key.
 *
 * @throws AuthenticationError when the key is not valid
 */
export async function authenticate(services: GatewayServices, key: string | null): Promise<Viewer | null> {
  if (key === null) return null
  const viewer = await verifyApiKey(services.findKey, key, services.now())
  if (viewer) {
    services.keyUse.note(viewer.apiKeyId)
    // Many requests continue at the same moment, when one read has found their keys.
    await eventLoopTurn(viewer.accountId)
    return viewer
  }
  throw new AuthenticationError('The API key is not valid: it is unknown, revoked or expired.')
}

/**
 * The context of one operation.
 *
 * @param headers the headers of the request; null over WebSocket, where an operation has none
 * @param variables the variables as they were sent; absent when there are none
 */
export function createContext(
  services: GatewayServices,
  viewer: Viewer | null,
  headers: Pick<Headers, 'get'> | null,
  { gone, sink, takeOver }: Connection,
  variables: Record<string, unknown> | null | undefined,
): Context {
  if (viewer) noteViewer(viewer)
  return {
    ...services,
    services,
    viewer,
    isSocket: headers === null,
    gone,
    sink,
    ...(takeOver && { takeOver }),
    variables: variables ?? {},
    idempotencyKey: headers?.get('idempotency-key') ?? null,
    traceId: readTraceparent(headers?.get('traceparent')),
    lastEventId: headers?.get('last-event-id') || null,
    delivered: { eventCursor: null },
  }
}

/**
 * The viewer of an operation.
 *
 * @throws AuthenticationError when the request has no key
 */
export function requireViewer({ viewer }: Pick<Context, 'viewer'>): Viewer {
  if (!viewer) throw missingKey()
  return viewer
}

/** The error for a request without a key. */
export function missingKey(): AuthenticationError {
  return new AuthenticationError(
    'The request has no API key. Send the header Authorization: Bearer sk_…, or over WebSocket connectionParams: { "authorization": "Bearer sk_…" }.',
  )
}

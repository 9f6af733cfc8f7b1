import { verifyApiKey } from '../auth/api-keys.ts'
import type { KeyWatch } from '../auth/key-watch.ts'
import type { SocketLimits } from '../config/config.ts'
import { AuthenticationError } from '../errors.ts'
import type { EstimateRows } from '../reports/estimate-rows.ts'
import { noteViewer, readTraceparent } from '../request-context.ts'
import type { QueuePlaceLoader } from '../runs/estimate/queue-place.ts'
import type { Services } from '../runs/services.ts'
import type { FileLinks } from '../storage/link.ts'
import type { Viewer } from '../tenant.ts'
import type { Loaders } from './loaders.ts'
import type { ConnectionCount } from './transports/connection-limits.ts'

/** What every request shares. */
export type GatewayServices = Services & {
  links: FileLinks
  loaders: Loaders
  queuePlaces: QueuePlaceLoader
  estimateRows: EstimateRows
  keyWatch: KeyWatch
  takeConnection: ConnectionCount
  socketLimits: SocketLimits
}

export type Context = GatewayServices & {
  /** Null when no key was sent; such a request may only look at the schema. */
  viewer: Viewer | null
  isSocket: boolean
  /** Aborts when the connection that the operation came by is closed. */
  gone: AbortSignal
  /** The header Idempotency-Key; null when there was none, as over WebSocket. */
  idempotencyKey: string | null
  /** The caller's trace, from the header traceparent; null when there was none. */
  traceId: string | null
}

/**
 * Who a key proves; null when no key was sent.
 *
 * @throws AuthenticationError when the key is not valid
 */
export async function authenticate(services: GatewayServices, key: string | null): Promise<Viewer | null> {
  if (key === null) return null
  const viewer = await verifyApiKey(services.prisma, key, services.now())
  if (viewer) return viewer
  throw new AuthenticationError('The API key is not valid: it is unknown, revoked or expired.')
}

/** @param headers those of the request; null over WebSocket, where an operation has none */
export function createContext(
  services: GatewayServices,
  viewer: Viewer | null,
  headers: Pick<Headers, 'get'> | null,
  gone: AbortSignal,
): Context {
  if (viewer) noteViewer(viewer)
  return {
    ...services,
    viewer,
    isSocket: headers === null,
    gone,
    idempotencyKey: headers?.get('idempotency-key') ?? null,
    traceId: readTraceparent(headers?.get('traceparent')),
  }
}

/** @throws AuthenticationError when no key was sent */
export function requireViewer({ viewer }: Pick<Context, 'viewer'>): Viewer {
  if (!viewer) throw missingKey()
  return viewer
}

export function missingKey(): AuthenticationError {
  return new AuthenticationError(
    'No API key was sent. Send the header "Authorization: Bearer" and a key, or over WebSocket the same as connectionParams.authorization.',
  )
}

import { startKeyWatch } from '../auth/key-watch.ts'
import { type Demo, prepareDemo } from '../demo/demo.ts'
import type { GatewayServices } from '../graphql/context.ts'
import { createLoaders } from '../graphql/loaders.ts'
import { createGraphqlServer } from '../graphql/server.ts'
import { createConnectionCount } from '../graphql/transports/connection-count.ts'
import { startWebSockets } from '../graphql/transports/websocket.ts'
import { createPool } from '../postgres/client.ts'
import { createRowEstimator, type EstimateRows } from '../reports/estimate-rows.ts'
import { createQueuePlaceLoader } from '../runs/estimate/queue-place.ts'
import type { FileLinks } from '../storage/link.ts'
import { createAccessRule, explainAccess } from './access.ts'
import type { Base } from './base.ts'
import type { Handler } from './http.ts'
import { type Opening, openPool } from './opening.ts'
import { createGatewayRouter } from './router.ts'

const countMilliseconds = 2_000

export type GatewayRole = {
  /** Null unless the demo was asked for. */
  demo: Demo | null
  router: Handler
  /** Closes the WebSockets. */
  stop(): Promise<void>
}

/** Serves clients: GraphQL over HTTP, SSE and WebSocket, and downloads. */
export async function openGatewayRole(opening: Opening, base: Base): Promise<GatewayRole> {
  const { config, logger } = opening
  const publicUrl = config.publicUrl ?? base.http.url
  const demo = await openDemo(opening, base)
  const { links, download } = await base.fileStore.openDelivery({ ...base.shared, publicUrl })
  const services = await openServices(opening, base, links)
  const isAllowed = createAccessRule(config)
  // On the embedded default it serves this machine alone, which may have the key.
  const prefill = demo && config.databaseUrl === null ? { key: demo.keys.test, month: demo.month } : null
  const yoga = createGraphqlServer({ services, logger, prefill, config })
  const webSockets = startWebSockets({ server: base.http.server, yoga, services, logger, isAllowed })
  const router = createGatewayRouter({
    isAllowed,
    refusal: explainAccess(config),
    yoga,
    slowReaderSeconds: config.sockets.slowReaderSeconds,
    download,
  })
  return { demo, router, stop: webSockets.stop }
}

async function openDemo(opening: Opening, { url, shared: { prisma } }: Base): Promise<Demo | null> {
  const { config, logger, onProgress, now, signal } = opening
  if (!config.demo) return null
  // Of its own and without limits: loading a ledger takes longer than any request may.
  const onError = (error: unknown): void => logger.error({ err: error }, 'A connection of the demo broke.')
  const pool = createPool({ url, max: 3, applicationName: 'report-gateway demo', onError })
  try {
    return await prepareDemo({ prisma, pool, dataDir: config.dataDir, now, onProgress, signal })
  } finally {
    await pool.end()
  }
}

/** Counting may take long, so it neither takes the connections of requests nor goes on for ever. */
function openRowEstimator(opening: Opening, { url, own }: Base): EstimateRows {
  const limits = { max: 2, connectMilliseconds: countMilliseconds, statementMilliseconds: countMilliseconds }
  return createRowEstimator({
    exportPool: openPool(opening, 'estimates', { url, isReadOnly: true, ...limits }),
    customPool: own && openPool(opening, 'own estimates', { url: own.url, isForeign: true, ...limits }),
  })
}

async function openServices(opening: Opening, base: Base, links: FileLinks): Promise<GatewayServices> {
  const { config, logger, now, closers } = opening
  const { shared } = base
  const { prisma, limits } = shared
  const keyWatch = startKeyWatch({ prisma, logger, now })
  closers.defer(keyWatch.stop)
  return {
    ...shared,
    links,
    loaders: createLoaders(prisma, logger),
    estimateRows: openRowEstimator(opening, base),
    queuePlaces: createQueuePlaceLoader({ prisma, now, ...limits }),
    keyWatch,
    connections: createConnectionCount(config.sockets.perKey),
    socketLimits: config.sockets,
  }
}

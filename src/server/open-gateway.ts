import { createKeyFinder } from '../auth/api-keys.ts'
import { createKeyCache } from '../auth/key-cache.ts'
import type { KeyUse } from '../auth/key-use.ts'
import type { KeyWatch } from '../auth/key-watch.ts'
import type { Config } from '../config/config.ts'
import type { Demo } from '../demo/demo.ts'
import { createFairQueue, requestLimits } from '../fair-queue.ts'
import { graphqlEndpoint } from '../graphql/endpoint.ts'
import { createLoaders } from '../graphql/loaders.ts'
import { createGraphqlServer } from '../graphql/server.ts'
import { createConnectionCount } from '../graphql/transports/connection-limits.ts'
import { createEventStreams } from '../graphql/transports/drain.ts'
import { startWebSockets } from '../graphql/transports/websocket.ts'
import { createRowEstimator } from '../reports/estimate-rows.ts'
import type { ReportPools } from '../reports/report-type.ts'
import { createQueueStatusLoader } from '../runs/estimate/queue-status.ts'
import type { LiveEvents } from '../runs/follow/live-events.ts'
import type { LiveRun } from '../runs/follow/live-run.ts'
import { createShared } from '../runs/follow/shared.ts'
import type { Services } from '../runs/services.ts'
import type { FileStore } from '../storage/file-store.ts'
import type { AccessRule } from './access.ts'
import type { HttpServer } from './http.ts'
import { createGatewayRouter } from './router.ts'

/** Slow reads at once, of the connections for requests: one of each account. */
const slowReaders = 2

export type GatewayParts = {
  isAllowed: AccessRule
  demo: Demo | null
  fileStore: FileStore
  keyWatch: KeyWatch
  keyUse: KeyUse
  estimates: ReportPools
}

/** Serves clients: GraphQL over HTTP, SSE and WebSocket, and downloads. */
export async function openGateway(
  config: Config,
  http: HttpServer,
  shared: Services,
  { isAllowed, demo, fileStore, keyWatch, keyUse, estimates }: GatewayParts,
) {
  const { prisma, storage, logger, now } = shared
  const publicUrl = config.publicUrl ?? http.url
  const { links, download } = await fileStore.openDelivery({ prisma, storage, logger, now, publicUrl })
  const findKey = createKeyFinder(prisma)
  const services = {
    ...shared,
    findKey: config.shortcuts.keyCache ? createKeyCache(findKey, shared.wakeUp) : findKey,
    slowReads: createFairQueue(slowReaders, requestLimits),
    links,
    loaders: createLoaders(shared.rows, logger),
    estimateRows: createRowEstimator(estimates),
    queueStatuses: createQueueStatusLoader(shared),
    keyWatch,
    keyUse,
    takeConnection: createConnectionCount(config.sockets.perKey),
    takeSubscription: createConnectionCount(config.sockets.subscriptionsPerKey),
    socketLimits: config.sockets,
    live: { events: createShared<LiveEvents>(), runs: createShared<LiveRun>() },
    sharesEvents: config.shortcuts.sharedEvents,
  }
  // With the embedded Postgres the gateway serves only this machine, so the page can contain the key.
  const prefill = demo && config.databaseUrl === null ? { key: demo.keys.test, month: demo.month } : null
  const graphql = createGraphqlServer(services, config, prefill)
  const webSockets = startWebSockets(http.server, graphql.yoga, services)
  http.upgradeIf(({ headers }, { pathname }) => pathname === graphqlEndpoint && isAllowed(headers))
  const streams = createEventStreams()
  return {
    router: createGatewayRouter(config, isAllowed, graphql, streams, download),
    leave: () => {
      void webSockets.leave()
      void streams.end()
    },
    stop: async () => {
      await Promise.all([webSockets.stop(), streams.endAll()])
    },
  }
}

import { setTimeout as wait } from 'node:timers/promises'
import type { ResultOf } from 'gql.tada'
import { print } from 'graphql'
import { type Client, CloseCode, createClient } from 'graphql-ws'
import { ClientError, UnreachableError } from './client-error.ts'
import { fetchReportRun, type ReportRun, runSubscription } from './report-run.ts'
import { authorization, type GatewayAddress, type GraphqlError, toClientError } from './request-graphql.ts'

/** Maximum wait for the socket to open, and for the answer to a ping, in milliseconds. */
const maxSilence = 10_000
const pingInterval = 10_000
const pollInterval = 1_000
/** How long polling continues while the gateway does not answer, in milliseconds. */
const maxPollSilence = 60_000

/**
 * Yields the run's current state, then each change, and ends after the final state. Uses a subscription, or polls each
 * second where no WebSocket can be opened.
 *
 * @throws UnreachableError when the gateway is no longer reachable
 * @throws the signal's reason when it aborts
 */
export async function* followReportRun(
  gateway: GatewayAddress,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<ReportRun> {
  let version = 0
  for (const source of [subscribe, poll]) {
    signal.throwIfAborted()
    for await (const run of source(gateway, id, signal)) {
      // After a reconnection the same state arrives again, or, behind a load balancer, an older one.
      if (run.version <= version) continue
      version = run.version
      yield run
      if (run.isFinal) return
    }
  }
}

/** Yields the run's states as they arrive; ends early when no socket can be opened. */
async function* subscribe(
  gateway: GatewayAddress,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<ReportRun> {
  const operation = { query: print(runSubscription), variables: { id } }
  const states = createSocketClient(gateway, signal).iterate<ResultOf<typeof runSubscription>>(operation)
  const stop = (): void => void states.return?.()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const { data, errors } of states) {
      if (errors) throw toClientError(errors)
      if (data) yield data.reportRun
    }
  } catch (error) {
    if (error instanceof ClientError) throw error
    // The protocol's error message is a list of GraphQL errors; anything else is about the connection.
    if (Array.isArray(error)) throw toClientError(error as GraphqlError[])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function* poll(gateway: GatewayAddress, id: string, signal: AbortSignal): AsyncGenerator<ReportRun> {
  let answeredAt = performance.now()
  for (;;) {
    try {
      const run = await fetchReportRun(gateway, id, signal)
      answeredAt = performance.now()
      yield run
    } catch (error) {
      if (!(error instanceof UnreachableError) || performance.now() - answeredAt > maxPollSilence) throw error
    }
    await wait(pollInterval, undefined, { signal })
  }
}

/**
 * Creates a client that reconnects after a lost connection, and detects the loss even when the socket stays open, as after
 * a network cable was pulled out. It does not retry when the first connection fails.
 */
function createSocketClient(gateway: GatewayAddress, signal: AbortSignal): Client {
  let wasConnected = false
  let watchdog: NodeJS.Timeout | undefined
  const stopWatchdog = (): void => clearTimeout(watchdog)
  const expectAnswer = (): void => {
    stopWatchdog()
    watchdog = setTimeout(() => client.terminate(), maxSilence)
  }
  const client = createClient({
    url: `${gateway.url.replace(/^http/, 'ws')}/graphql`,
    connectionParams: authorization(gateway),
    retryAttempts: 5,
    // 0.25 s, then twice as long each time: 8 s in total, enough for a gateway to restart.
    retryWait: (retries) => wait(250 * 2 ** retries, undefined, { signal }).catch(() => {}),
    shouldRetry: (event) => wasConnected && !isRefusal(event),
    keepAlive: pingInterval,
    on: {
      connecting: expectAnswer,
      connected: () => {
        wasConnected = true
        stopWatchdog()
      },
      ping: (isReceived) => {
        if (!isReceived) expectAnswer()
      },
      pong: stopWatchdog,
      error: stopWatchdog,
      closed: stopWatchdog,
    },
  })
  return client
}

/** A key that is revoked, or has expired, stays refused. */
function isRefusal(event: unknown): boolean {
  return event instanceof Object && 'code' in event && event.code === CloseCode.Forbidden
}

import { setTimeout as wait } from 'node:timers/promises'
import { type Client, createClient } from 'graphql-ws'
import { ClientError, UnreachableError } from './client-error.ts'
import { fetchReportRun, type ReportRun, reportRunFields } from './report-run.ts'
import { authorization, type GatewayAddress, type GraphqlError, toClientError } from './request-graphql.ts'

const document = `subscription ($id: ID!) { reportRun(id: $id) { ${reportRunFields} } }`

/** Longest wait for the socket to open, and for the answer to a ping, in milliseconds. */
const patience = 10_000
const pingInterval = 10_000
const pollInterval = 1_000
/** How long polling goes on while the gateway does not answer, in milliseconds. */
const pollPatience = 60_000

/**
 * A client that connects again when a connection is lost, and finds that out also when nothing tells it: a network
 * that was pulled out closes no socket. It gives up at once when the first connection fails.
 */
function createSocketClient(gateway: GatewayAddress, signal: AbortSignal): Client {
  let wasConnected = false
  let watchdog: NodeJS.Timeout | undefined
  const expectAnswer = (): void => {
    clearTimeout(watchdog)
    watchdog = setTimeout(() => client.terminate(), patience)
  }
  const client = createClient({
    url: `${gateway.url.replace(/^http/, 'ws')}/graphql`,
    connectionParams: authorization(gateway),
    retryAttempts: 5,
    // 0.25 s, then twice as long each time: 8 s in all, enough for a gateway to start again.
    retryWait: (retries) => wait(250 * 2 ** retries, undefined, { signal }).catch(() => {}),
    shouldRetry: () => wasConnected,
    keepAlive: pingInterval,
    on: {
      connecting: expectAnswer,
      connected: () => {
        wasConnected = true
        clearTimeout(watchdog)
      },
      ping: (isReceived) => {
        if (!isReceived) expectAnswer()
      },
      pong: () => clearTimeout(watchdog),
      error: () => clearTimeout(watchdog),
      closed: () => clearTimeout(watchdog),
    },
  })
  return client
}

/** The run's states as they come; ends early when there is no way to have a socket. */
const subscribe = async function* (
  gateway: GatewayAddress,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<ReportRun> {
  const client = createSocketClient(gateway, signal)
  const states = client.iterate<{ reportRun: ReportRun }>({ query: document, variables: { id } })
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

const poll = async function* (
  gateway: GatewayAddress,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<ReportRun> {
  let answeredAt = Date.now()
  for (;;) {
    try {
      const run = await fetchReportRun(gateway, id, signal)
      answeredAt = Date.now()
      yield run
    } catch (error) {
      if (!(error instanceof UnreachableError) || Date.now() - answeredAt > pollPatience) throw error
    }
    await wait(pollInterval, undefined, { signal })
  }
}

/**
 * The run as it is, then again after every change that is seen, ending after its final state. By subscription; where
 * there is no WebSocket to be had, by asking each second.
 *
 * @throws UnreachableError when the gateway stays away
 * @throws the signal's reason when it aborts
 */
export const followReportRun = async function* (
  gateway: GatewayAddress,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<ReportRun> {
  let version = 0
  for (const source of [subscribe, poll]) {
    signal.throwIfAborted()
    for await (const run of source(gateway, id, signal)) {
      // After a reconnection the same state comes again, or behind a balancer an older one.
      if (run.version <= version) continue
      version = run.version
      yield run
      if (run.isFinal) return
    }
  }
}

import { setTimeout } from 'node:timers/promises'
import type { Client } from 'pg'
import type { Cluster } from './initdb.ts'
import { tryLogin } from './login.ts'
import { findPostmaster, type Postmaster, stopPostmaster } from './postmaster.ts'
import { type StartedServer, startServer } from './start.ts'

const POLL_MS = 20

export type ServerOptions = {
  cluster: Cluster
  log: (message: string) => void
  signal?: AbortSignal | undefined
  /** Where a server that is started has to listen; any port unless given. */
  port?: number
  /**
   * How long a postmaster may give no sign of life before it is ended and replaced, in milliseconds. @default
   * 20_000
   */
  silenceMs?: number
  /**
   * How long one that lives may take until it lets us in; recovery after a crash can be long. @default
   * 120_000
   */
  startMs?: number
}

/** An open session in the database `postgres`, and the server it is with. */
export type ServerSession = { client: Client; pid: number; port: number }

/**
 * Logs in to the server of a cluster: the one that runs, else one started here. The server outlives this
 * process. Call it while holding the lock of the data folder; Postgres's own lock on its data remains the
 * last guard.
 *
 * @throws when Postgres ends at start (with the last lines of its log), refuses the password, or takes too
 * long
 */
export async function connectToServer(options: ServerOptions): Promise<ServerSession> {
  const settings = { silenceMs: 20_000, startMs: 120_000, ...options }
  const { cluster, log, signal } = settings
  let started: StartedServer | undefined
  try {
    for (;;) {
      signal?.throwIfAborted()
      const postmaster = await findPostmaster(cluster.data)
      const session = postmaster && (await awaitLogin(postmaster, settings))
      if (session) {
        log(
          `${started ? 'Started' : 'Found'} Postgres (process ${session.pid}) at 127.0.0.1:${session.port}.`,
        )
        return session
      }
      if (!postmaster) started = await startOrWait(started, settings)
      await setTimeout(POLL_MS, undefined, { signal })
    }
  } catch (error) {
    // Nobody else can have joined it: joining needs the lock that our caller holds.
    await started?.end()
    throw error
  }
}

type Settings = Required<Omit<ServerOptions, 'signal' | 'port'>> & Pick<ServerOptions, 'signal' | 'port'>

/** Waits for a session; undefined when the postmaster ended, by itself or because it was stuck. */
async function awaitLogin(postmaster: Postmaster, settings: Settings): Promise<ServerSession | undefined> {
  const { cluster, log, signal, silenceMs, startMs } = settings
  const since = Date.now()
  let lastSign = since
  for (;;) {
    signal?.throwIfAborted()
    const now = await findPostmaster(cluster.data)
    if (now?.pid !== postmaster.pid) return undefined
    // Asking before it is ready would only fill its log with refusals.
    const login =
      now.status === 'ready'
        ? await tryLogin(now.port, cluster, { log, timeoutMs: Math.min(5000, silenceMs) })
        : undefined
    if (login?.client) return { client: login.client, pid: now.pid, port: now.port }

    if (login?.answered || now.status === 'starting') lastSign = Date.now()
    if (Date.now() - lastSign > silenceMs) {
      log(`Postgres (process ${now.pid}) has not answered for ${silenceMs} ms: ending it.`)
      await stopPostmaster(now.pid, cluster.data, 'at once')
      return undefined
    }
    if (Date.now() - since > startMs) {
      throw new Error(
        `Postgres (process ${now.pid}, ${now.status}) did not let us in for ${startMs} ms; its log is ${cluster.logFile}.`,
        { cause: login?.error },
      )
    }
    await setTimeout(POLL_MS, undefined, { signal })
  }
}

/** The next step while there is no postmaster: start one, wait for its pid file, or say why it ended. */
async function startOrWait(
  started: StartedServer | undefined,
  { cluster, port, silenceMs, startMs }: Settings,
): Promise<StartedServer> {
  if (!started) return await startServer(cluster, Date.now(), port)
  const waited = Date.now() - started.since
  if (!started.hasEnded()) {
    if (waited < startMs) return started
    throw new Error(`Postgres (process ${started.pid}) does nothing; its log is ${cluster.logFile}.`)
  }
  const words = await started.lastWords()
  if (waited < silenceMs && willPass(words)) return await startServer(cluster, started.since, port)
  throw new Error(
    `Postgres ended while starting on ${cluster.data}. The end of its log, ${cluster.logFile}:\n${words}`,
  )
}

/**
 * Reasons not to start that go away: our port was taken meanwhile, or the last server's processes are still
 * ending.
 */
function willPass(words: string): boolean {
  return /could not create any TCP\/IP sockets|lock file ".*" already exists|pre-existing shared memory block/.test(
    words,
  )
}

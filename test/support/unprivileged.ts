import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ensureOwner, postgresAccount } from '../../src/postgres/embedded/account.ts'

// Postgres and PgBouncer refuse to run as root, so under root they run as the account of the embedded Postgres.

const environment = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' }

const maxPorts = 5
const startMilliseconds = 60_000
const pollMilliseconds = 50

export type UnprivilegedFolder = AsyncDisposable & { path: string }

/** A new folder whose owner is the account that the programs run under. */
export async function makeUnprivilegedFolder(): Promise<UnprivilegedFolder> {
  const path = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  await chmod(path, 0o711)
  await ensureOwner(path)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Runs a program to its end. @throws with its standard error when it fails */
export async function runUnprivileged(
  program: string,
  args: readonly string[],
  variables: Record<string, string> = {},
): Promise<string> {
  const options = {
    ...(await postgresAccount()),
    cwd: '/',
    env: { ...environment, ...variables },
    maxBuffer: 2 ** 28,
  }
  return (await promisify(execFile)(program, args, options)).stdout
}

export type UnprivilegedProcess = {
  child: ChildProcess
  /** All that it has written so far. */
  output(): string
  /** Resolves when `check` does, which is called again until then. @throws with the output when the process ends before */
  waitUntil(check: () => Promise<unknown>): Promise<void>
  /** Sends a signal, and resolves when the process has ended. */
  end(signal: NodeJS.Signals): Promise<void>
}

/** Starts a program that runs until it is ended. */
export async function spawnUnprivileged(
  program: string,
  args: readonly string[],
): Promise<UnprivilegedProcess> {
  const child = spawn(program, args, {
    ...(await postgresAccount()),
    cwd: '/',
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit')
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  }
  return {
    child,
    output: () => text,
    waitUntil: async (check) => {
      const deadline = Date.now() + startMilliseconds
      while (true) {
        if (child.exitCode !== null) throw new Error(`${program} ended:\n${text}`)
        const error = await check().then(
          () => null,
          (cause: unknown) => cause,
        )
        if (error === null) return
        if (Date.now() > deadline) throw error
        await delay(pollMilliseconds)
      }
    },
    end: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await exit
    },
  }
}

/**
 * Starts a server on a free port. Another program can take the port just before the server does; then it tries another.
 *
 * @param start resolves when the server accepts connections, and fails when it has ended
 */
export async function onFreePort<Server>(start: (port: number) => Promise<Server>): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (attempt === maxPorts || !/in use/.test(String(error))) throw error
    }
  }
}

async function freePort(): Promise<number> {
  await using probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  // A server that listens on TCP has an address of this form.
  return (probe.address() as AddressInfo).port
}

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensureOwner, postgresAccount } from '../../src/postgres/embedded/account.ts'

// Postgres and PgBouncer refuse to run as root, so under root they run as the account of the embedded Postgres.

const environment = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' }

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
    end: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await exit
    },
  }
}

export async function freePort(): Promise<number> {
  await using probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  // A server that listens on TCP has an address of this form.
  return (probe.address() as AddressInfo).port
}

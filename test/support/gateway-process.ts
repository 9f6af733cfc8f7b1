import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const cli = fileURLToPath(new URL('../../src/cli/cli.ts', import.meta.url))
/** An entry with additional report types for tests. */
export const testEntry = fileURLToPath(new URL('./gateway-main.ts', import.meta.url))
const deadline = 90_000

export type GatewayProcess = AsyncDisposable & {
  child: ChildProcess
  /** All that it has written so far to standard output and standard error. */
  output(): string
  /** Its address, `http://HOST:PORT`, once it prints that it is ready; fails when it ends before. */
  ready(): Promise<string>
  /** Exit code once it has ended; null when a signal ended it. */
  ended(): Promise<number | null>
}

/**
 * Runs `npm start` without npm, in a separate process that ends when it is disposed of.
 *
 * @param entry script to run instead, such as `testEntry`
 * @param args arguments after `npm start --`
 */
export function spawnGateway(
  environment: Record<string, string>,
  entry: string = cli,
  args: readonly string[] = [],
): GatewayProcess {
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env
  const child = spawn(process.execPath, [entry, 'start', ...args], {
    env: { PATH, HOME, NODE_COMPILE_CACHE, PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit')
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  }
  const timeoutError = (what: string): Error => new Error(`${what} within ${deadline} ms. It wrote:\n${text}`)

  const ready = async (): Promise<string> => {
    const limit = AbortSignal.timeout(deadline)
    while (true) {
      const [, url] = /^ready (\S+)\/(?:graphql|ready)$/m.exec(text) ?? []
      if (url) return url
      if (child.exitCode !== null || child.signalCode !== null)
        throw timeoutError('The gateway ended before it was ready')
      await Promise.race([once(child.stdout, 'data', { signal: limit }), exit]).catch(() => {
        throw timeoutError('The gateway was not ready')
      })
    }
  }
  const ended = async (): Promise<number | null> => {
    const [code] = await Promise.race([
      exit,
      once(AbortSignal.timeout(deadline), 'abort').then(() => {
        throw timeoutError('The gateway did not end')
      }),
    ])
    return code
  }
  return {
    child,
    output: () => text,
    ready,
    ended,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGINT')
        // A process that a test has paused does not handle signals.
        child.kill('SIGCONT')
        await ended().catch(() => child.kill('SIGKILL'))
      }
    },
  }
}

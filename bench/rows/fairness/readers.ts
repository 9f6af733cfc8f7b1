import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { end, endWithThisProcess, pinnedTo } from '../../framework/pinned.ts'

const script = fileURLToPath(new URL('./readers-process.ts', import.meta.url))

export type Readers = AsyncDisposable & {
  /** @throws Error when the readers have received nothing */
  check(): Promise<void>
}

type ReadersOptions = { url: string; key: string; after: string; subscriptions: number }

/** Subscriptions that read the log of an account from a cursor on as fast as they can, from the core of the load. */
export async function startReaders({ url, key, after, subscriptions }: ReadersOptions): Promise<Readers> {
  const { program, args } = pinnedTo('load', {
    program: process.execPath,
    args: [script, url, key, after, String(subscriptions)],
  })
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  endWithThisProcess(child)
  let received = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    received = text
  })
  // The first line says that all of them receive events.
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  return {
    check: async () => {
      if (child.exitCode !== null || received === '') throw new Error('The readers of the log have ended.')
    },
    [Symbol.asyncDispose]: () => end(child),
  }
}

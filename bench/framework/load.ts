import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pinnedTo } from './pinned.ts'

export type LoadRequest = {
  headers: Readonly<Record<string, string>>
  /** `UNIQUE` stands for text that no other request has. */
  body: string
}

export type LoadJob = {
  /** Where to POST: `http://HOST:PORT/PATH`. */
  url: string
  /** The connections take the requests in turns. */
  requests: readonly LoadRequest[]
  connections: number
  seconds: number
  /**
   * Requests per second; null sends the next one as soon as a connection is free. With a rate, the time of a request counts
   * from the moment at which it was due, so a stall of the server delays all requests that were due in it (no coordinated
   * omission). Without a rate, the clients wait for the server, and a stall counts once for each connection.
   */
  rate: number | null
  /** True when the same request must always have the same response. */
  isRepeatable: boolean
}

export type LoadResult = {
  requests: number
  seconds: number
  /** Times of requests, in milliseconds. */
  p50: number
  p99: number
  max: number
}

const run = promisify(execFile)
const script = fileURLToPath(new URL('./load-process.ts', import.meta.url))

/**
 * Sends requests from a process on the core of the load.
 *
 * @throws Error with the first response that is not 200, contains errors, or differs where it must not
 */
export async function sendLoad(job: LoadJob): Promise<LoadResult> {
  const { program, args } = pinnedTo('load', { program: process.execPath, args: [script] })
  const running = run(program, [...args], { maxBuffer: 64 * 1024 * 1024 })
  running.child.stdin?.end(JSON.stringify(job))
  const { stdout } = await running
  return JSON.parse(stdout)
}

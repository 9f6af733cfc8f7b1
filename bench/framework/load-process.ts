// Sends the requests of a LoadJob, which it reads from standard input, and prints a LoadResult. It speaks HTTP/1.1 over its own
// sockets, since a complete client would take much of the core that it shares with Postgres.
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { type HttpConnection, openHttpConnection } from './http-connection.ts'
import type { LoadJob, LoadRequest, LoadResult } from './load.ts'

// What JSON.parse gives is the job that sendLoad has written.
const job: LoadJob = JSON.parse(await text(process.stdin))
process.stdout.write(JSON.stringify(await send(job)))
process.exit(0)

async function send({
  url,
  requests,
  connections,
  seconds,
  rate,
  isRepeatable,
}: LoadJob): Promise<LoadResult> {
  const { host, hostname, port, pathname } = new URL(url)
  const parts = requests.map((request) => toParts(request, host, pathname))
  const bodies = new Map<number, Buffer>()
  const times: number[] = []
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1000
  let next = 0

  const sendOne = async (connection: HttpConnection, number: number, dueAt: number): Promise<void> => {
    const which = number % parts.length
    const body = await connection.send(parts[which]?.(number) ?? '')
    times.push(performance.now() - dueAt)
    check(body, isRepeatable ? (bodies.get(which) ?? body) : body)
    bodies.set(which, body)
  }
  const work = async (): Promise<void> => {
    const connection = await openHttpConnection(hostname, Number(port))
    while (true) {
      const number = next++
      const dueAt = rate === null ? performance.now() : startedAt + (number * 1000) / rate
      if (dueAt >= endsAt) break
      const early = dueAt - performance.now()
      if (early > 0) await delay(early)
      await sendOne(connection, number, dueAt)
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: connections }, work))
  const took = (performance.now() - startedAt) / 1000
  const sorted = Float64Array.from(times).sort()
  const quantile = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { requests: times.length, seconds: took, p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) }
}

/** A function from the number of a request to its whole text. */
function toParts({ headers, body }: LoadRequest, host: string, path: string): (number: number) => string {
  const lines = Object.entries({ host, 'content-type': 'application/json', ...headers })
  const head = `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}`
  const prefix = `${process.pid}-${Date.now()}-`
  return (number) => {
    const own = body.replaceAll('UNIQUE', () => prefix + number)
    return `${head}content-length: ${Buffer.byteLength(own)}\r\n\r\n${own}`
  }
}

function check(body: Buffer, expected: Buffer): void {
  const shown = (some: Buffer): string => some.toString('utf8', 0, 500)
  if (body.includes('"errors":[{') || body.includes('"userErrors":[{'))
    throw new Error(`A request failed: ${shown(body)}`)
  if (!body.equals(expected)) throw new Error(`The response ${shown(expected)} changed to ${shown(body)}`)
}

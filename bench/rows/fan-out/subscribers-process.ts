// Holds the subscriptions of one side of the row fan-out. Arguments: WebSocket or SSE, URL, API key, number. For each line of
// standard input, it waits until every subscriber has received a run with that label, and prints the
// milliseconds; null when that takes too long.
import { request } from 'node:http'
import { createInterface } from 'node:readline'
import WebSocket from 'ws'
import type { Delivery, Transport } from './subscribers.ts'

const [transport = '', url = '', key = '', count = ''] = process.argv.slice(2)
const subscribers = Number(count)
const query = 'subscription { reportRunEvents { run { id status label } } }'
/** Each source address has a limited number of ports. */
const addresses = 8

/** How long an event may take to all subscribers. */
const deliverMilliseconds = 15_000

let awaited: {
  text: string
  left: number
  first: string | null
  startedAt: number
  limit: NodeJS.Timeout
} | null = null

/** Counts the subscribers that have received the awaited label. All of them must receive the same message. */
function receive(message: string): void {
  if (!awaited || !message.includes(awaited.text)) return
  awaited.first ??= message
  if (message !== awaited.first)
    throw new Error(`A subscriber received ${message}, and another ${awaited.first}`)
  awaited.left--
  if (awaited.left > 0) return
  answer({ milliseconds: performance.now() - awaited.startedAt, message })
}

/** Ends the wait; null when the time is over. */
function answer(delivery: Delivery | null): void {
  if (awaited) clearTimeout(awaited.limit)
  awaited = null
  process.stdout.write(`${JSON.stringify(delivery)}\n`)
}

function openWebSocket(localAddress: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    localAddress,
    perMessageDeflate: false,
  })
  const authorization = `Bearer ${key}`
  socket.on('open', () =>
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } })),
  )
  socket.on('message', (data) => {
    const text = String(data)
    if (text.includes('"connection_ack"')) {
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }))
      return resolve()
    }
    if (text.includes('"ping"')) return socket.send('{"type":"pong"}')
    receive(text)
  })
  socket.on('error', reject)
  socket.on('close', (code, reason) => reject(new Error(`A WebSocket was closed by ${code} ${reason}.`)))
  return promise
}

function openEventStream(localAddress: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const headers = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    authorization: `Bearer ${key}`,
  }
  const sent = request(
    `${url}/graphql`,
    { method: 'POST', headers, localAddress, agent: false },
    (response) => {
      if (response.statusCode !== 200)
        reject(new Error(`An event stream was answered with ${response.statusCode}.`))
      let buffered = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const parts = (buffered + chunk).split('\n\n')
        buffered = parts.pop() ?? ''
        for (const part of parts) receive(/^data: (.*)$/m.exec(part)?.[1] ?? '')
      })
      resolve()
    },
  )
  sent.on('error', reject)
  sent.end(JSON.stringify({ query }))
  return promise
}

// subscribers.ts passes one of the two.
const open = (transport as Transport) === 'WebSocket' ? openWebSocket : openEventStream
// A few at once, so that the server can keep up with the handshakes.
for (let opened = 0; opened < subscribers; opened += 50) {
  const some = Math.min(50, subscribers - opened)
  await Promise.all(Array.from({ length: some }, (_, i) => open(`127.0.0.${1 + ((opened + i) % addresses)}`)))
}
process.stdout.write('{"isOpen":true}\n')
for await (const label of createInterface(process.stdin)) {
  const limit = setTimeout(answer, deliverMilliseconds, null)
  awaited = {
    text: `"label":"${label}"`,
    left: subscribers,
    first: null,
    startedAt: performance.now(),
    limit,
  }
  process.stdout.write('{"isAwaited":true}\n')
}
process.exit(0)

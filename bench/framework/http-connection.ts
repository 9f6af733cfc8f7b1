import { once } from 'node:events'
import { connect } from 'node:net'

export type HttpConnection = {
  /** Sends a complete request and gives the body of its response. @throws Error unless the response is 200 */
  send(request: string): Promise<Buffer>
  close(): void
}

/** A connection that carries one request at a time. */
export async function openHttpConnection(host: string, port: number): Promise<HttpConnection> {
  const socket = connect({ host, port, noDelay: true })
  await once(socket, 'connect')
  let waiting: PromiseWithResolvers<Buffer> | null = null
  let received: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const body = readBody(received)
    if (!body) return
    received = Buffer.alloc(0)
    if (body instanceof Error) waiting?.reject(body)
    else waiting?.resolve(body)
  })
  const fail = (): void => waiting?.reject(new Error('The server closed the connection.'))
  socket.on('error', fail)
  socket.on('close', fail)
  return {
    send: (request) => {
      waiting = Promise.withResolvers<Buffer>()
      socket.write(request)
      return waiting.promise
    },
    close: () => socket.destroy(),
  }
}

const headEnd = '\r\n\r\n'

/** The body of a complete response, null while it is incomplete, and an error when it cannot be used. */
function readBody(response: Buffer): Buffer | Error | null {
  const end = response.indexOf(headEnd)
  if (end < 0) return null
  const head = response.toString('latin1', 0, end)
  const start = end + headEnd.length
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? []
  const body =
    length === undefined
      ? readChunks(response.subarray(start))
      : response.subarray(start, start + Number(length))
  if (body === null || body.length < Number(length ?? 0)) return null
  return head.startsWith('HTTP/1.1 200') ? body : new Error(`${head}\n\n${body}`)
}

/** The body of a chunked response; null while it is incomplete. */
function readChunks(rest: Buffer): Buffer | null {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at)
    if (lineEnd < 0) return null
    const size = Number.parseInt(rest.toString('latin1', at, lineEnd), 16)
    at = lineEnd + 2 + size + 2
    if (at > rest.length) return null
    if (size === 0) return Buffer.concat(chunks)
    chunks.push(rest.subarray(lineEnd + 2, lineEnd + 2 + size))
  }
}

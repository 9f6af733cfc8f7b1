import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A cast, because a server that listens on TCP has an address of this form.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function close(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}

export type FileProxy = AsyncDisposable & { url: string }

/**
 * Starts a proxy in front of a gateway that does not support WebSockets, and that also serves the files.
 *
 * @param alter changes a file; the result is sent with the Content-Length of the original
 */
export async function startFileProxy(
  gatewayUrl: string,
  alter: (file: Buffer) => Buffer,
): Promise<FileProxy> {
  const ask = async (request: IncomingMessage): Promise<string> => {
    const answer = await fetch(`${gatewayUrl}/graphql`, {
      method: 'POST',
      headers: { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' },
      body: await text(request),
    })
    return (await answer.text()).replaceAll(gatewayUrl, url)
  }
  const server = createHttpServer(async (request, response) => {
    if (request.method === 'POST') {
      response.setHeader('content-type', 'application/json')
      response.end(await ask(request))
    } else if (request.url?.startsWith('/files/')) {
      const answer = await fetch(`${gatewayUrl}${request.url}`)
      const file = Buffer.from(await answer.arrayBuffer())
      const altered = alter(file)
      response.writeHead(200, { 'content-length': file.byteLength })
      response.write(altered, () => altered.byteLength < file.byteLength && response.destroy())
      if (altered.byteLength === file.byteLength) response.end()
    } else {
      response.writeHead(404).end()
    }
  })
  const url = await listen(server)
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await close(server)
    },
  }
}

export type CuttableProxy = AsyncDisposable & {
  url: string
  /** First line of each connection so far, in order. */
  firstLines: string[]
  /** Resets every connection. */
  cut(): void
}

/** Starts a proxy that forwards bytes, and can cut all connections. */
export async function startCuttableProxy(gatewayUrl: string): Promise<CuttableProxy> {
  const sockets = new Set<Socket>()
  const firstLines: string[] = []
  const server = createServer((socket) => {
    const upstream = connect(Number(new URL(gatewayUrl).port), '127.0.0.1')
    for (const end of [socket, upstream]) {
      sockets.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        sockets.delete(end)
        socket.destroy()
        upstream.destroy()
      })
    }
    socket.once('data', (chunk) => firstLines.push(chunk.toString('latin1').split('\r\n', 1)[0] ?? ''))
    socket.pipe(upstream).pipe(socket)
  })
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    url: await listen(server),
    firstLines,
    cut,
    [Symbol.asyncDispose]: async () => {
      cut()
      await close(server)
    },
  }
}

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'

export type TcpProxy = AsyncDisposable & {
  port: number
  /** The number of connections that have been opened to the proxy. */
  connections(): number
  /** The same URL through the proxy. */
  through(url: string): string
  /** Silently drops everything that is sent from now on, in both directions and on new connections too. */
  swallow(): void
  /** Ends all connections at once, as if the other side had disappeared, and refuses new ones. */
  cut(): void
  /** Delays everything that is sent from now on. */
  latency(milliseconds: number): void
  /** Forwards new connections to another port of the same machine. */
  redirect(port: number): void
  /** Forwards what is sent from now on. Dropped bytes stay lost, so their connections are no longer usable. */
  restore(): void
}

type State = { isSwallowing: boolean; isCut: boolean; latency: number }

/** Forwards, delays or drops bytes, according to the state when they arrive. */
function passage(state: State): Transform {
  let isBroken = false
  return new Transform({
    transform: (chunk, _encoding, done) => {
      // After a gap, the rest of the stream is useless.
      isBroken ||= state.isSwallowing
      if (isBroken) return done()
      if (state.latency === 0) return done(null, chunk)
      setTimeout(() => done(null, chunk), state.latency)
    },
    flush: (done) => {
      // The end of a stream is lost like everything else.
      if (!isBroken && !state.isSwallowing) done()
    },
  })
}

/** Starts a TCP proxy on 127.0.0.1 in front of a server, with which a test can simulate network faults. */
export async function startTcpProxy(targetUrl: string): Promise<TcpProxy> {
  const target = new URL(targetUrl)
  const state: State = { isSwallowing: false, isCut: false, latency: 0 }
  const sockets = new Set<Socket>()
  let connections = 0
  const keep = (socket: Socket): Socket => {
    sockets.add(socket.setNoDelay(true))
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer({ allowHalfOpen: true }, (client) => {
    keep(client)
    connections++
    if (state.isCut) {
      client.destroy()
      return
    }
    const upstream = keep(connect({ port: Number(target.port), host: target.hostname, allowHalfOpen: true }))
    client.pipe(passage(state)).pipe(upstream)
    upstream.pipe(passage(state)).pipe(client)
    // The loss of one side is visible on the other, unless the network drops that too.
    const passOn = (other: Socket) => (): void => {
      if (!state.isSwallowing) other.destroy()
    }
    client.once('close', passOn(upstream))
    upstream.once('close', passOn(client))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A cast, because a server that listens on TCP has an address of this form.
  const { port } = server.address() as AddressInfo
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port,
    connections: () => connections,
    through: (url) => {
      const by = new URL(url)
      by.host = `127.0.0.1:${port}`
      return by.href
    },
    swallow: () => {
      state.isSwallowing = true
    },
    cut: () => {
      state.isCut = true
      cutAll()
    },
    latency: (milliseconds) => {
      state.latency = milliseconds
    },
    redirect: (to) => {
      target.port = String(to)
    },
    restore: () => {
      Object.assign(state, { isSwallowing: false, isCut: false, latency: 0 })
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      cutAll()
      await closed
    },
  }
}

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'

export type TcpProxy = AsyncDisposable & {
  port: number
  /** The same URL, by way of the proxy. */
  through(url: string): string
  /** Loses everything that is sent from now on, in both directions, and says nothing about it; new connections too. */
  swallow(): void
  /** Ends all connections at once, as if the other side had gone away, and refuses new ones. */
  cut(): void
  /** Holds back everything that is sent from now on by so many milliseconds. */
  latency(milliseconds: number): void
  /** Passes on what is sent from now on. What was swallowed stays lost, so its connections are of no more use. */
  restore(): void
}

type State = { isSwallowing: boolean; isCut: boolean; latency: number }

/** Passes bytes on as the state says when they come, in order. */
function passage(state: State): Transform {
  let isBroken = false
  return new Transform({
    transform: (chunk, _encoding, done) => {
      // A stream with a hole in it makes no sense to anyone.
      isBroken ||= state.isSwallowing
      if (isBroken) return done()
      if (state.latency === 0) return done(null, chunk)
      setTimeout(() => done(null, chunk), state.latency)
    },
    flush: (done) => {
      // An end gets lost like everything else.
      if (!isBroken && !state.isSwallowing) done()
    },
  })
}

/** A TCP proxy on 127.0.0.1 in front of a server, whose network a test can spoil. */
export async function startTcpProxy(targetUrl: string): Promise<TcpProxy> {
  const target = new URL(targetUrl)
  const state: State = { isSwallowing: false, isCut: false, latency: 0 }
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket.setNoDelay(true))
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer({ allowHalfOpen: true }, (client) => {
    keep(client)
    if (state.isCut) {
      client.destroy()
      return
    }
    const upstream = keep(connect({ port: Number(target.port), host: target.hostname, allowHalfOpen: true }))
    client.pipe(passage(state)).pipe(upstream)
    upstream.pipe(passage(state)).pipe(client)
    // The loss of one side is seen on the other one, unless the network loses that news, too.
    const passOn = (other: Socket) => (): void => {
      if (!state.isSwallowing) other.destroy()
    }
    client.once('close', passOn(upstream))
    upstream.once('close', passOn(client))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has an address of this form.
  const { port } = server.address() as AddressInfo
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port,
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

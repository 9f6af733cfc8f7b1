import type { Plugin } from 'graphql-yoga'

/**
 * Makes proxies pass on each event at once: nginx reads `X-Accel-Buffering`, and proxies that compress read `no-transform`.
 * Whether the connection stays open is decided by the server.
 */
export function keepStreamsUnbuffered(): Plugin {
  return {
    onResponse: ({ response: { headers } }) => {
      if (!headers.get('content-type')?.startsWith('text/event-stream')) return
      headers.set('Cache-Control', 'no-cache, no-transform')
      headers.set('X-Accel-Buffering', 'no')
      headers.delete('Connection')
    },
  }
}

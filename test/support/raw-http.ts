import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

/** Sends raw bytes to an HTTP server, and returns everything that it answers until it closes the connection. */
export function exchange(url: string, request: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(request)
  return text(socket)
}

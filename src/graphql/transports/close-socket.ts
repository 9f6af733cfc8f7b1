import type { WebSocket } from 'ws'
import { type CloseCode, closeCodes } from '../../close-codes.ts'

/** Closes a WebSocket. A reason that is too long is truncated. */
export function closeSocket(socket: Pick<WebSocket, 'close'>, code: CloseCode, reason: string): void {
  socket.close(closeCodes[code].number, closeReason(reason))
}

/** The close reason, truncated to the 123 bytes that fit into a close frame. */
export function closeReason(text: string): string {
  if (Buffer.byteLength(text) <= 123) return text
  const start = Buffer.from(text).subarray(0, 119).toString()
  return `${start.replace(/\uFFFD$/, '')}…`
}

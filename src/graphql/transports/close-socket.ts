import type { WebSocket } from 'ws'
import { type CloseCode, closeCodes } from '../../error-codes.ts'

/** Closes a WebSocket; a reason that is too long is cut. */
export function closeSocket(socket: Pick<WebSocket, 'close'>, code: CloseCode, reason: string): void {
  socket.close(closeCodes[code].number, closeReason(reason))
}

/** A close frame has room for 123 bytes of reason. */
export function closeReason(text: string): string {
  if (Buffer.byteLength(text) <= 123) return text
  const start = Buffer.from(text).subarray(0, 119).toString()
  return `${start.replace(/\uFFFD$/, '')}…`
}

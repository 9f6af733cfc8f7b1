import type { WebSocket } from 'ws'

type Reason = 'messagesWait' | 'responsesUnsent'

export type Brake = ReturnType<typeof createBrake>

/** Pauses reading from a socket while at least one reason for it lasts. */
export function createBrake(socket: WebSocket) {
  const reasons = new Set<Reason>()
  return {
    set: (reason: Reason, isOn: boolean): void => {
      if (isOn) reasons.add(reason)
      else reasons.delete(reason)
      if (reasons.size === 0) socket.resume()
      else if (socket.readyState === socket.OPEN) socket.pause()
    },
    /** Reads again, whatever lasts: the close frame of the client must be read. */
    release: (): void => {
      reasons.clear()
      socket.resume()
    },
  }
}

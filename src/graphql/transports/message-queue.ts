import { setImmediate as nextTurn } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import type { Brake } from './brake.ts'

/** The maximum number of messages of one socket that are handled at the same time. */
const maxPending = 20

type Handling<Message> = {
  /** Reads a message, and resolves when it can be handled. Those after it wait as well. */
  read: (text: string) => Promise<Message>
  /** Resolves when the message is handled; `release` ends the wait for it earlier. */
  handle: (message: Message, release: () => void) => Promise<void>
}

/**
 * Handles the messages of a socket in order, one in each turn of the event loop and few at the same time, so that a client
 * that sends thousands of messages does not delay others. Reading from the socket pauses while messages wait.
 */
export function createMessageQueue<Message>(
  socket: WebSocket,
  brake: Brake,
  { read, handle }: Handling<Message>,
) {
  const arrived: string[] = []
  let isRunning = false
  let pending = 0
  let onRelease = (): void => {}
  const isOpen = (): boolean => socket.readyState === socket.OPEN

  const start = (message: Message): void => {
    pending++
    let isPending = true
    const release = (): void => {
      if (!isPending) return
      isPending = false
      pending--
      onRelease()
    }
    // It handles its own errors.
    void handle(message, release).then(release)
  }

  const take = async (text: string): Promise<void> => {
    while (pending >= maxPending) {
      brake.set('messagesWait', true)
      await new Promise<void>((resolve) => {
        onRelease = resolve
      })
    }
    // What a client sent before its socket was closed is dropped.
    if (!isOpen()) return
    const message = await read(text)
    if (isOpen()) start(message)
  }

  const run = async (): Promise<void> => {
    isRunning = true
    while (arrived.length > 0) {
      for (const text of arrived.splice(0)) {
        await take(text)
        await nextTurn()
      }
    }
    isRunning = false
    brake.set('messagesWait', false)
  }

  return {
    add: (text: string): void => {
      arrived.push(text)
      if (isRunning) brake.set('messagesWait', true)
      else void run()
    },
  }
}

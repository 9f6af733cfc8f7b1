import type { ClientMessage } from './client-message.ts'

/**
 * Lets a client use the ID of an operation again as soon as it has completed the operation. graphql-ws forgets an ID when its
 * operation ends, which can be later: also when another operation has the ID by then, which would be lost or never end.
 */
export function createOperationIds() {
  const running = new Map<string, Promise<void>>()
  /** Operations that the client has completed and that have not ended. */
  const ending = new Map<string, Promise<void>>()
  return {
    /** Resolves when no completed operation has the ID of the one that the message starts. */
    whenFree: async ({ operationId }: ClientMessage): Promise<void> => {
      if (operationId !== null) await ending.get(operationId)
    },
    /**
     * Call this when the handling of a message starts.
     *
     * @param handled resolves when the operation that the message starts has ended; never rejects
     */
    note: ({ operationId, completedId }: ClientMessage, handled: Promise<void>): void => {
      const completed = completedId === null ? undefined : running.get(completedId)
      if (completedId !== null && completed) ending.set(completedId, completed)
      if (operationId === null) return
      const ended = handled.then(() => {
        running.delete(operationId)
        ending.delete(operationId)
      })
      running.set(operationId, ended)
    },
  }
}

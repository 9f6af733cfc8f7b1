import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { MessageType } from 'graphql-ws'
import type { Sink } from '../../runs/follow/delivery.ts'

/**
 * Sends the messages of an operation over a WebSocket, with the ID of the operation in front of the shared text.
 *
 * @param sends calls `onSent` when a message is sent or the socket has closed
 */
export function socketSink(sends: { push: (data: string, onSent: () => void) => void }, id: string): Sink {
  const start = `{"id":${JSON.stringify(id)},"type":"${MessageType.Next}","payload":`
  let isReady = true
  let onReady: (() => void) | null = null
  const ready = (): void => {
    isReady = true
    onReady?.()
    onReady = null
  }
  return {
    isReady: () => isReady,
    whenReady: async () => {
      if (!isReady)
        await new Promise<void>((resolve) => {
          onReady = resolve
        })
    },
    send: ({ text }) => {
      isReady = false
      sends.push(`${start}${text}}`, ready)
    },
  }
}

/** Sends the messages of an operation as server-sent events, each with its cursor as the ID. Yoga sends the rest of the response. */
export function streamSink(response: ServerResponse): Sink {
  return {
    isReady: () => response.headersSent && !response.writableNeedDrain,
    whenReady: async () => {
      while (!response.headersSent && !response.destroyed) await nextTurn()
      while (response.writableNeedDrain && !response.destroyed) await drained(response)
    },
    send: ({ text, eventCursor }) => {
      const id = eventCursor === null ? '' : `\nid: ${eventCursor}`
      if (response.writable) response.write(`event: next\ndata: ${text}${id}\n\n`)
    },
  }
}

/** Resolves when the client has read what was sent, or has disconnected. No listener remains: a slow client waits often. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      response.off('drain', end).off('close', end)
      resolve()
    }
    response.on('drain', end).on('close', end)
  })
}

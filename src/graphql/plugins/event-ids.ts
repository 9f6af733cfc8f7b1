import type { Plugin } from 'graphql-yoga'
import type { Context } from '../context.ts'
import { errorsOf } from '../errors.ts'

/**
 * Sends the cursor of an event as the ID of its server-sent event, for clients that resume with the header Last-Event-ID.
 * Yoga writes `data: ` before the text of a result, so that the line after it is another field of the same event.
 */
export function sendEventIds(): Plugin<Context> {
  return {
    onSubscribe: () => ({
      onSubscribeResult: () => ({
        onNext: ({ args, result, setResult }) => {
          const { isSocket, delivered } = args.contextValue
          const { eventCursor } = delivered
          // After an error, a client resumes before the event.
          if (isSocket || eventCursor === null || errorsOf(result).length > 0) return
          const stringify = (sent: object): string => `${JSON.stringify(sent)}\nid: ${eventCursor}`
          setResult(Object.assign(result, { stringify }))
        },
      }),
    }),
  }
}

import { GraphQLError } from 'graphql'
import { AuthenticationError } from '../../errors.ts'
import { type Context, requireViewer } from '../context.ts'

/** What a client is told when its key ends while it is connected. */
export function keyEnded(): AuthenticationError {
  return new AuthenticationError(
    'The API key has been revoked or has expired. Connect again with another one.',
  )
}

/**
 * A subscription as long as its client is there and its key is good: it fails when the key is revoked or expires. That
 * the client has gone is not left to those who read the stream: they do not begin when it went early.
 *
 * @param open begins the subscription
 * @throws GraphQLError when the key holds too many connections open
 */
export function subscriptionStream<Value>(
  context: Context,
  open: () => AsyncIterableIterator<Value, void, undefined>,
): AsyncIterableIterator<Value, void, undefined> {
  const { apiKeyId } = requireViewer(context)
  const giveBack = takeConnection(context, apiKeyId)
  const countDown = context.metrics.subscriptionOpened()
  let isKeyGood = true
  let isOpen = true
  const values = open()
  const unwatch = context.keyWatch.watch(apiKeyId, () => {
    isKeyGood = false
    // What waits for the next value is ended by it.
    void values.return?.()
  })
  const close = (): void => {
    if (!isOpen) return
    isOpen = false
    context.gone.removeEventListener('abort', leave)
    unwatch()
    giveBack()
    countDown()
  }
  const leave = (): void => {
    close()
    void values.return?.()
  }
  context.gone.addEventListener('abort', leave, { once: true })
  if (context.gone.aborted) leave()
  return {
    next: async () => {
      try {
        const result = await values.next()
        if (!isKeyGood) throw keyEnded()
        if (result.done) close()
        return result
      } catch (error) {
        close()
        throw error
      }
    },
    return: async () => {
      close()
      return (await values.return?.()) ?? { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Over SSE each subscription is a connection of its own; a WebSocket is counted when it is opened. */
function takeConnection({ isSocket, connections, socketLimits }: Context, apiKeyId: string): () => void {
  const giveBack = isSocket ? () => {} : connections.take(apiKeyId)
  if (giveBack) return giveBack
  throw new GraphQLError(
    `The API key holds ${socketLimits.perKey} connections open here, which is its limit. Close one of them.`,
    { extensions: { code: 'LIMIT_REACHED', http: { status: 429 } } },
  )
}

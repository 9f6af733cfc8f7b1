import { AuthenticationError } from '../../errors.ts'
import { type Context, requireViewer } from '../context.ts'
import { refusal } from '../errors.ts'

/** What a client sees when its key ends while it is connected. */
export function keyRevoked(): AuthenticationError {
  return new AuthenticationError(
    'The API key has been revoked or has expired. Connect again with another one.',
  )
}

/**
 * A subscription as long as its client is there and its key is active: it fails when the key is revoked or expires. That
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
  const held = new DisposableStack()
  held.defer(holdConnection(context, apiKeyId))
  held.defer(context.metrics.subscriptionOpened())
  const values = open()
  let isKeyActive = true
  const endByKey = (): void => {
    isKeyActive = false
    // Ends a read that waits for the next value.
    void values.return?.()
  }
  held.defer(context.keyWatch.watch(apiKeyId, endByKey))
  const leave = (): void => {
    held.dispose()
    void values.return?.()
  }
  context.gone.addEventListener('abort', leave, { once: true })
  held.defer(() => context.gone.removeEventListener('abort', leave))
  if (context.gone.aborted) leave()
  return {
    next: async () => {
      try {
        const result = await values.next()
        if (!isKeyActive) throw keyRevoked()
        if (result.done) held.dispose()
        return result
      } catch (error) {
        held.dispose()
        throw error
      }
    },
    return: async () => {
      held.dispose()
      return (await values.return?.()) ?? { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Over SSE each subscription is a connection of its own; a WebSocket is counted when it is opened. */
function holdConnection({ isSocket, takeConnection, socketLimits }: Context, apiKeyId: string): () => void {
  const release = isSocket ? () => {} : takeConnection(apiKeyId)
  if (release) return release
  throw refusal(
    'LIMIT_REACHED',
    `The API key holds ${socketLimits.perKey} connections open here, which is its limit. Close one of them.`,
  )
}

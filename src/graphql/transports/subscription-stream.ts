import { AuthenticationError } from '../../errors.ts'
import { workStream } from '../../runs/follow/closable-stream.ts'
import { type Context, requireViewer } from '../context.ts'
import { refusal } from '../errors.ts'

/** The error for a client whose key is revoked or expires while it is connected. */
export function keyRevoked(): AuthenticationError {
  return new AuthenticationError(
    'The API key has been revoked or has expired. Connect again with an active key.',
  )
}

/**
 * Opens a subscription that lasts while its client is connected and its key is active. It fails when the key is revoked or
 * expires. It ends on the abort signal, because nothing reads the stream when the client disconnects early.
 *
 * @param open starts the subscription
 * @throws GraphQLError when the key has too many subscriptions, or holds too many connections open
 */
export function subscriptionStream<Value>(
  context: Context,
  open: () => AsyncIterableIterator<Value, void, undefined>,
): AsyncIterableIterator<Value, void, undefined> {
  const { apiKeyId } = requireViewer(context)
  const { gone } = context
  const held = new DisposableStack()
  held.defer(holdSubscription(context, apiKeyId))
  held.defer(holdConnection(context, apiKeyId))
  held.defer(context.metrics.subscriptionOpened())
  const values = open()
  let isKeyActive = true
  const endWithKey = (): void => {
    isKeyActive = false
    // Ends a pending read.
    void values.return?.()
  }
  held.defer(context.keyWatch.watch(apiKeyId, endWithKey))
  const leave = (): void => {
    held.dispose()
    void values.return?.()
  }
  gone.addEventListener('abort', leave, { once: true })
  held.defer(() => gone.removeEventListener('abort', leave))
  if (gone.aborted) leave()
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

/** The same for a subscription that sends its messages by itself: the stream only waits for the end of the work. */
export function sharedStream(
  context: Context,
  work: (signal: AbortSignal) => Promise<void>,
): AsyncIterableIterator<never, void, undefined> {
  const stream = subscriptionStream(context, () => workStream(work))
  context.takeOver?.(stream)
  return stream
}

function holdSubscription({ takeSubscription, socketLimits }: Context, apiKeyId: string): () => void {
  const release = takeSubscription(apiKeyId)
  if (release) return release
  throw refusal(
    'LIMIT_REACHED',
    `The API key has ${socketLimits.subscriptionsPerKey} active subscriptions, which is its limit. Complete one of them. A subscription to reportRunEvents can follow many runs.`,
  )
}

/** Counts the connection of an SSE subscription. A WebSocket is counted when it connects. */
function holdConnection({ isSocket, takeConnection, socketLimits }: Context, apiKeyId: string): () => void {
  const release = isSocket ? () => {} : takeConnection(apiKeyId)
  if (release) return release
  throw refusal(
    'LIMIT_REACHED',
    `The API key has ${socketLimits.perKey} open connections, which is its limit. Close one of them.`,
  )
}

/**
 * An async generator that can be closed while it waits: `return()` ends its signal first. A bare generator answers
 * `return()` only after the promise that it awaits, which for a quiet subscription may be never.
 */
export function closableStream<Value>(
  start: (signal: AbortSignal) => AsyncGenerator<Value, void, undefined>,
): AsyncIterableIterator<Value, void, undefined> {
  const closing = new AbortController()
  const values = start(closing.signal)
  return {
    next: async () => {
      try {
        const result = await values.next()
        if (result.done) closing.abort()
        return result
      } catch (error) {
        // A wait that the signal ended fails: that is the end of the stream, not a fault.
        if (closing.signal.aborted) return { done: true, value: undefined }
        closing.abort()
        throw error
      }
    },
    return: () => {
      closing.abort()
      return values.return()
    },
    throw: (error) => {
      closing.abort()
      return values.throw(error)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

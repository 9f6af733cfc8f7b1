/**
 * An async generator that can be closed while it waits: `return()` aborts its signal first. A plain generator handles
 * `return()` only after the promise that it awaits, which in a quiet subscription may never settle.
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
        // The aborted wait throws: that is the end of the stream, not an error.
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

/**
 * A stream that yields nothing: it lasts as long as the work does, and aborts the signal of the work when it is closed. It
 * keeps only the promise of the work, so that thousands of waiting streams need little memory.
 */
export function workStream(
  work: (signal: AbortSignal) => Promise<void>,
): AsyncIterableIterator<never, void, undefined> {
  const closing = new AbortController()
  let start: typeof work | null = work
  let ended: Promise<void> | null = null
  return {
    next: async () => {
      ended ??= start?.(closing.signal) ?? null
      start = null
      try {
        await ended
      } catch (error) {
        // The aborted wait throws: that is the end of the stream, not an error.
        if (!closing.signal.aborted) throw error
      }
      return { done: true, value: undefined }
    },
    return: async () => {
      closing.abort()
      await ended?.catch(() => {})
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** A value that several users share, by key. It is opened for the first user, and its signal aborts after the last one. */
export type Shared<Value> = ReturnType<typeof createShared<Value>>

type Entry<Value> = { value: Promise<Value>; users: number; closing: AbortController }

export function createShared<Value>() {
  const entries = new Map<string, Entry<Value>>()
  const leave = (key: string, entry: Entry<Value>): void => {
    entry.users--
    if (entry.users > 0) return
    if (entries.get(key) === entry) entries.delete(key)
    entry.closing.abort()
  }
  return {
    /**
     * Uses the value of a key until the work ends.
     *
     * @param open opens the value; the next user opens it again after a failure. `users` is the number of its users.
     */
    use: async <Result>(
      key: string,
      open: (signal: AbortSignal, users: () => number) => Promise<Value>,
      work: (value: Value) => Promise<Result>,
    ): Promise<Result> => {
      let entry = entries.get(key)
      if (!entry) {
        entry = openEntry(open)
        entries.set(key, entry)
      }
      entry.users++
      try {
        return await work(await entry.value)
      } catch (error) {
        // A user that comes later does not share the failure.
        if (entries.get(key) === entry) entries.delete(key)
        throw error
      } finally {
        leave(key, entry)
      }
    },
  }
}

function openEntry<Value>(open: (signal: AbortSignal, users: () => number) => Promise<Value>): Entry<Value> {
  const closing = new AbortController()
  const value = open(closing.signal, () => entry.users)
  const entry: Entry<Value> = { value, users: 0, closing }
  return entry
}

/** A value that several users share, by key. It is opened for the first user, and its signal aborts after the last one. */
export type Shared<Value> = ReturnType<typeof createShared<Value>>

export type Sharing = {
  /** Aborts when there are no users any more. */
  signal: AbortSignal
  users: () => number
  /** Call this when the value no longer serves new users: the next one opens another. */
  forget: () => void
}

export type Use<Value> = { value: Promise<Value>; leave: () => void }

type Entry<Value> = Use<Value> & { join: () => void }

export function createShared<Value>() {
  const entries = new Map<string, Entry<Value>>()

  const create = (key: string, open: (sharing: Sharing) => Promise<Value>): Entry<Value> => {
    const closing = new AbortController()
    let users = 0
    const forget = (): void => {
      if (entries.get(key) === entry) entries.delete(key)
    }
    const value = open({ signal: closing.signal, users: () => users, forget })
    value.catch(() => forget())
    const leave = (): void => {
      users--
      if (users > 0) return
      forget()
      closing.abort()
    }
    const entry: Entry<Value> = { value, leave, join: () => void users++ }
    entries.set(key, entry)
    return entry
  }

  return {
    /**
     * Starts to use the value of a key. The user calls `leave` once.
     *
     * @returns the value, which rejects when the signal aborts before it is open: an outage can delay it for hours
     */
    enter: (key: string, signal: AbortSignal, open: (sharing: Sharing) => Promise<Value>): Use<Value> => {
      const entry = entries.get(key) ?? create(key, open)
      entry.join()
      return { value: unlessAborted(entry.value, signal), leave: entry.leave }
    },
  }
}

function unlessAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    void value.then(resolve, reject).then(() => signal.removeEventListener('abort', abort))
  })
}

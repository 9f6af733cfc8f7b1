/** How many connections each key holds open on this process. */
export type ConnectionCount = {
  /** Counts one more; null when the key has as many as it may. The function returned gives it back. */
  take(apiKeyId: string | null): (() => void) | null
}

/** @param limit connections that one key may hold; those without a key count together as one */
export function createConnectionCount(limit: number): ConnectionCount {
  const open = new Map<string | null, number>()
  return {
    take: (apiKeyId) => {
      const count = open.get(apiKeyId) ?? 0
      if (count >= limit) return null
      open.set(apiKeyId, count + 1)
      let isOpen = true
      return () => {
        if (!isOpen) return
        isOpen = false
        const rest = (open.get(apiKeyId) ?? 1) - 1
        if (rest > 0) open.set(apiKeyId, rest)
        else open.delete(apiKeyId)
      }
    },
  }
}

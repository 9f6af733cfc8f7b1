import type { Prisma } from '../postgres/client.ts'

/** Keys in one query. Postgres accepts at most 65,535 parameters. */
const batchSize = 10_000

export type KeyWatch = ReturnType<typeof createKeyWatch>

/** Notifies open connections when the API key that they use is no longer active. */
export function createKeyWatch({ prisma, now }: { prisma: Prisma; now: () => Date }) {
  /** Callbacks by key id. Sets, because one key can have a hundred thousand connections. */
  const watchers = new Map<string, Set<() => void>>()
  return {
    /** Calls `onEnd` once when the key is revoked, expires or is deleted. Returns a function that ends the watch. */
    watch: (apiKeyId: string, onEnd: () => void) => {
      // A new function, so that two watches with the same callback stay separate.
      const end = (): void => onEnd()
      watchers.set(apiKeyId, (watchers.get(apiKeyId) ?? new Set()).add(end))
      return () => {
        const others = watchers.get(apiKeyId)
        others?.delete(end)
        if (others?.size === 0) watchers.delete(apiKeyId)
      }
    },
    /** Checks whether the watched keys are still active, for all connections of this process together. */
    check: async () => {
      const watched = [...watchers.keys()]
      const active = await findActive(prisma, watched, now())
      for (const id of watched) {
        if (active.has(id)) continue
        const ended = watchers.get(id) ?? []
        watchers.delete(id)
        for (const onEnd of ended) onEnd()
      }
    },
  }
}

async function findActive(prisma: Prisma, ids: readonly string[], now: Date): Promise<Set<string>> {
  const active = new Set<string>()
  for (let start = 0; start < ids.length; start += batchSize) {
    const found = await prisma.apiKey.findMany({
      where: {
        id: { in: ids.slice(start, start + batchSize) },
        revokedAt: null,
        OR: [{ expiresAt: null }, { expiresAt: { gt: now } }],
      },
      select: { id: true },
    })
    for (const { id } of found) active.add(id)
  }
  return active
}

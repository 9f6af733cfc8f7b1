import type { Prisma } from '../postgres/client.ts'

/** Keys asked for in one query: Postgres takes at most 65,535 values. */
const batchSize = 10_000

export type KeyWatch = ReturnType<typeof createKeyWatch>

/** Watches the keys that were active when a connection was opened with them. */
export function createKeyWatch({ prisma, now }: { prisma: Prisma; now: () => Date }) {
  /** What each watched key's end calls. Sets, because one key may have a hundred thousand watches. */
  const watchers = new Map<string, Set<() => void>>()
  return {
    /** Calls `onEnd`, once, when the key is revoked, has expired or is gone. The function returned ends the watch. */
    watch: (apiKeyId: string, onEnd: () => void) => {
      // Each watch is its own, also when the same function is given twice.
      const end = (): void => onEnd()
      watchers.set(apiKeyId, (watchers.get(apiKeyId) ?? new Set()).add(end))
      return () => {
        const others = watchers.get(apiKeyId)
        others?.delete(end)
        if (others?.size === 0) watchers.delete(apiKeyId)
      }
    },
    /** Looks whether the watched keys are still active; one query serves all connections of this process. */
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

import { EventEmitter } from 'node:events'
import type { Prisma } from '../postgres/client.ts'

/** Keys asked for in one query: Postgres takes at most 65,535 values. */
const batchSize = 10_000

export type KeyWatch = ReturnType<typeof createKeyWatch>

/** Watches the keys that were active when a connection was opened with them. */
export function createKeyWatch({ prisma, now }: { prisma: Prisma; now: () => Date }) {
  /** Each event is the end of the key with that id. */
  const ends = new EventEmitter().setMaxListeners(0)
  return {
    /** Calls `onEnd`, once, when the key is revoked, has expired or is gone. The function returned ends the watch. */
    watch: (apiKeyId: string, onEnd: () => void) => {
      // Each watch is its own, also when the same function is given twice.
      const end = (): void => onEnd()
      ends.once(apiKeyId, end)
      return () => void ends.off(apiKeyId, end)
    },
    /** Looks whether the watched keys are still active; one query serves all connections of this process. */
    check: async () => {
      const watched = ends.eventNames().map(String)
      const active = await findActive(prisma, watched, now())
      for (const id of watched) if (!active.has(id)) ends.emit(id)
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

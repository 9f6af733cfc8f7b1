import type { Prisma } from '../postgres/client.ts'

/** How long a process waits before it records another use of the same key. */
const pauseMilliseconds = 60_000

export type KeyUse = ReturnType<typeof createKeyUse>

/**
 * Records when API keys were last used, without a write in any request: `note` only remembers, and `write` stores all new
 * uses in one statement, at most one a minute for each key.
 */
export function createKeyUse({ prisma, now }: { prisma: Prisma; now: () => Date }) {
  const pending = new Map<string, Date>()
  const written = new Map<string, Date>()
  return {
    note: (apiKeyId: string): void => {
      if (!written.has(apiKeyId)) pending.set(apiKeyId, now())
    },
    write: async (): Promise<void> => {
      const at = now().getTime()
      for (const [id, last] of written) if (at - last.getTime() >= pauseMilliseconds) written.delete(id)
      if (pending.size === 0) return
      const uses = [...pending]
      pending.clear()
      const ids = uses.map(([id]) => id)
      const times = uses.map(([, last]) => last)
      // Another process may have recorded a later use. In the order of ids, so that two processes never wait for each other.
      await prisma.$executeRaw`
        with used as (
          select api_keys.id, used.at
          from api_keys join unnest(${ids}::text[], ${times}::timestamptz[]) as used (id, at) on used.id = api_keys.id
          where used.at > coalesce(last_used_at, '-infinity')
          order by api_keys.id for no key update of api_keys
        )
        update api_keys set last_used_at = used.at from used where used.id = api_keys.id`
      for (const [id, last] of uses) written.set(id, last)
    },
  }
}

import type { Logger } from 'pino'
import type { Prisma } from '../postgres/client.ts'

/** Keys asked for in one query: Postgres takes at most 65,535 values. */
const batchSize = 10_000

export type KeyWatch = {
  /**
   * Calls `onEnd`, once, when the key is revoked, has expired or is gone. The function returned ends the watch.
   */
  watch(apiKeyId: string, onEnd: () => void): () => void
  stop(): void
}

export type KeyWatchOptions = {
  prisma: Prisma
  logger: Logger
  now: () => Date
  /** How often keys in use are looked at. */
  intervalMilliseconds?: number
}

/**
 * Looks again and again whether the keys are still good that were good when a connection was opened. One query serves all
 * connections of this process.
 */
export function startKeyWatch({
  prisma,
  logger,
  now,
  intervalMilliseconds = 2_000,
}: KeyWatchOptions): KeyWatch {
  const watchers = new Map<string, Set<() => void>>()
  let isLooking = false

  const look = async (): Promise<void> => {
    const ids = [...watchers.keys()]
    if (isLooking || ids.length === 0) return
    isLooking = true
    try {
      const good = await findGood(prisma, ids, now())
      for (const id of ids) {
        if (good.has(id)) continue
        const ended = watchers.get(id) ?? []
        watchers.delete(id)
        for (const onEnd of ended) onEnd()
      }
    } catch (error) {
      logger.warn(
        { err: error },
        'It could not be seen whether keys in use are still good; looking again soon.',
      )
    } finally {
      isLooking = false
    }
  }
  const timer = setInterval(look, intervalMilliseconds)

  return {
    watch: (apiKeyId, onEnd) => {
      // Each watch is its own, also when the same function is given twice.
      const end = (): void => onEnd()
      watchers.set(apiKeyId, (watchers.get(apiKeyId) ?? new Set()).add(end))
      return () => {
        const others = watchers.get(apiKeyId)
        others?.delete(end)
        if (others?.size === 0) watchers.delete(apiKeyId)
      }
    },
    stop: () => clearInterval(timer),
  }
}

async function findGood(prisma: Prisma, ids: readonly string[], now: Date): Promise<Set<string>> {
  const good = new Set<string>()
  for (let start = 0; start < ids.length; start += batchSize) {
    const found = await prisma.apiKey.findMany({
      where: {
        id: { in: ids.slice(start, start + batchSize) },
        revokedAt: null,
        OR: [{ expiresAt: null }, { expiresAt: { gt: now } }],
      },
      select: { id: true },
    })
    for (const { id } of found) good.add(id)
  }
  return good
}

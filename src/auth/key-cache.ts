import type { ApiKey } from '../postgres/generated/prisma/client.ts'
import type { WakeUp } from '../postgres/notify.ts'
import type { FindKey } from './api-keys.ts'

/** How long a key is kept, in milliseconds. It bounds the delay of a revocation whose notification is lost. */
const lifetimeMilliseconds = 2_000
const maxKeys = 10_000

/**
 * A finder that keeps the keys that it has found in memory for two seconds. Reading the key took 0.3 ms of CPU in each
 * request, a tenth of the page of a list.
 *
 * The database notifies every gateway of a change of a key, so that a revocation takes effect at once. While notifications
 * do not arrive, no key is kept. Only the hash of a secret is in memory, and a key that was not found is never kept.
 */
export function createKeyCache(
  findKey: FindKey,
  wakeUp: Pick<WakeUp, 'onKeyChange' | 'isConnected'>,
): FindKey {
  const kept = new Map<string, { apiKey: ApiKey; until: number }>()
  let changes = 0
  wakeUp.onKeyChange((id) => {
    changes++
    if (id === null) kept.clear()
    else kept.delete(id)
  })
  const keep = (apiKey: ApiKey, until: number): void => {
    // Deleted first, so that the first entry of the map is the oldest one.
    kept.delete(apiKey.id)
    kept.set(apiKey.id, { apiKey, until })
    const [oldest] = kept.keys()
    if (kept.size > maxKeys && oldest !== undefined) kept.delete(oldest)
  }
  return async (id) => {
    const [now, changesBefore] = [performance.now(), changes]
    const known = kept.get(id)
    if (known && now < known.until && wakeUp.isConnected()) return known.apiKey
    const apiKey = await findKey(id)
    // A change during the read may not be in what was read. A reconnection counts as one.
    if (apiKey && changes === changesBefore && wakeUp.isConnected()) keep(apiKey, now + lifetimeMilliseconds)
    return apiKey
  }
}

import { createFairQueue } from '../../fair-queue.ts'
import type { RunEventPage } from './run-event.ts'

/** Pages that are read at once, of the connections for requests: one of each account. */
const maxReading = 2

// A page holds up to 100 runs.
const maxPages = 64
const maxAgeMilliseconds = 5_000

type PageRequest = {
  accountId: string
  /** Equal for requests of the same page: account and mode, scope and cursor. */
  key: string
  /** Aborts when the follower no longer needs the page. */
  signal: AbortSignal
  read: () => Promise<RunEventPage>
}

type SharedPage = { page: Promise<RunEventPage>; signals: AbortSignal[]; readAt: number | null }

/**
 * Creates a reader of pages of the event log for followers that catch up. Few pages are read at once, and the accounts take
 * turns, so that any number of followers leaves connections for requests. Followers at the same position share a page.
 *
 * A page that ends before the end of the log is also kept for a few seconds, for followers that are a little slower.
 */
export function createCatchUp() {
  const queue = createFairQueue(maxReading, null)
  const pages = new Map<string, SharedPage>()

  const readInTurn = ({ accountId, key, read }: PageRequest, signals: readonly AbortSignal[]) =>
    queue.run(accountId, async () => {
      if (signals.every(({ aborted }) => aborted)) {
        // A follower that asks from now on gets a page of its own.
        pages.delete(key)
        throw new Error('No follower needs the page any more.')
      }
      return read()
    })

  const dropOld = (): void => {
    const oldest = performance.now() - maxAgeMilliseconds
    for (const [key, { readAt }] of pages) {
      if (readAt !== null && (readAt < oldest || pages.size > maxPages)) pages.delete(key)
    }
  }

  return {
    /** Reads a page, or shares the one that another follower reads or has read a moment ago. */
    read: (request: PageRequest): Promise<RunEventPage> => {
      dropOld()
      const { key, signal } = request
      const known = pages.get(key)
      if (known) {
        known.signals.push(signal)
        return known.page
      }
      const signals = [signal]
      const shared: SharedPage = { page: readInTurn(request, signals), signals, readAt: null }
      const drop = (): void => {
        if (pages.get(key) === shared) pages.delete(key)
      }
      pages.set(key, shared)
      shared.page.then(({ hasMore }) => {
        // At the end of the log, events can follow at any time.
        if (hasMore) shared.readAt = performance.now()
        else drop()
        shared.signals.length = 0
      }, drop)
      return shared.page
    },
    /** Call this when the log is another history: followers that ask from now on share no earlier read. */
    forget: (): void => pages.clear(),
  }
}

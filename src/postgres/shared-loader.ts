import DataLoader from 'dataloader'
import { outsideRequest } from '../request-context.ts'

/** Maximum number of batches of one loader that are read at once. Later loads join the next batch. */
const maxReading = 2

/** Creates a shared loader of rows by their id; null for an id that does not exist. */
export function createRowLoader<Row extends { id: string }>(
  readAll: (ids: string[]) => Promise<Row[]>,
  maxBatchSize?: number,
): (id: string) => Promise<Row | null> {
  const load = createSharedLoader(readAll, ({ id }) => id, maxBatchSize)
  return async (id) => (await load(id))[0] ?? null
}

/**
 * Creates a loader for all requests of the process. Concurrent loads are batched, so that any number of requests uses at
 * most two connections. Nothing is cached: each load starts a read or joins one that has not started.
 *
 * @param readAll reads the values of distinct keys, in any order
 * @param keyOf the key of a value
 * @param maxBatchSize Postgres accepts at most 65,535 parameters
 * @returns a function that loads the values with a key
 */
export function createSharedLoader<Value>(
  readAll: (keys: string[]) => Promise<Value[]>,
  keyOf: (value: Value) => string,
  maxBatchSize = 30_000,
): (key: string) => Promise<Value[]> {
  let reading = 0
  const waiting: (() => void)[] = []
  const start = (dispatch: () => void): void => {
    reading++
    // The loads of the same turn of the event loop join the batch.
    setImmediate(dispatch)
  }
  const loader = new DataLoader<string, Value[]>(
    async (keys) => {
      try {
        const values = await outsideRequest(() => readAll([...new Set(keys)]))
        const byKey = Map.groupBy(values, keyOf)
        return keys.map((key) => byKey.get(key) ?? [])
      } finally {
        reading--
        const next = waiting.shift()
        if (next) start(next)
      }
    },
    {
      cache: false,
      maxBatchSize,
      batchScheduleFn: (dispatch) => {
        if (reading < maxReading) start(dispatch)
        else waiting.push(dispatch)
      },
    },
  )
  return (key) => loader.load(key)
}

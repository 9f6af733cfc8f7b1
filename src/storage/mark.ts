import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { ConfigurationError } from '../errors.ts'
import { randomWord } from '../ids.ts'
import type { Prisma, Transaction } from '../postgres/client.ts'
import type { StorageMark } from '../postgres/generated/prisma/client.ts'
import { keyOfFile } from './file.ts'
import type { FileStore } from './file-store.ts'
import { type Storage, StorageError } from './storage.ts'

/** Id of the only row. */
const rowId = 'files'
/** Storage key of the mark. The folders of the accounts are beside it. */
const markKey = 'report-gateway-store'
/** Storage key, with a random end, of the file that proves that a worker can write. */
const probeKey = 'report-gateway-write-test'
const markLength = 20
// Enough to recognize a store: retention deletes the files of old runs.
const recentFiles = 3
// The first process writes the mark while it holds the row. A slow bucket must not end its transaction.
const bindMilliseconds = 60_000

type MarkDependencies = { prisma: Prisma; store: Pick<FileStore, 'storage' | 'place'> }

/**
 * Proves that all processes of a database use the same file store: a random mark is in both, and the first process writes it.
 *
 * @param canWrite true for a worker, which must be able to write to the store
 * @returns `storage`, which throws StorageError instead of writing to another store, or of reporting that a file of another
 *   store does not exist; `check`, which throws when the store is not there or is another one now
 * @throws ConfigurationError when the store is another one, or cannot be used
 */
export async function openMarkedStorage(deps: MarkDependencies, canWrite: boolean) {
  const { prisma, store } = deps
  let mark = await namingStore(store, async () => {
    const bound = await bindStore(deps)
    if (canWrite) await proveWritable(store.storage)
    return bound
  })
  const check = async (): Promise<void> => {
    if ((await readMark(store.storage)) !== mark) refuseOther(null)
  }
  const verify = async (): Promise<void> => {
    // Another store can have been adopted since, and an older copy of the database has no mark.
    mark = (await findRow(prisma))?.mark ?? (await bindStore(deps).catch(refuseOther))
    await check()
  }
  return { storage: verified(store.storage, verify), check }
}

/**
 * Makes the database use this store from now on, whatever it used before. All processes must then be restarted.
 *
 * @returns where the database's store was before, for people; null when it had none
 */
export async function adoptStore({ prisma, store }: MarkDependencies): Promise<string | null> {
  const { storage, place } = store
  return namingStore(store, () =>
    prisma.$transaction(
      async (tx) => {
        const before = await findRow(tx)
        const mark = (await readMark(storage)) ?? (await writeMark(storage))
        const row = { mark, place }
        await tx.storageMark.upsert({ where: { id: rowId }, create: { id: rowId, ...row }, update: row })
        return before?.place ?? null
      },
      { timeout: bindMilliseconds },
    ),
  )
}

/** Clients see the message, so it names no place. */
function refuseOther(cause: unknown): never {
  if (cause !== null && !(cause instanceof ConfigurationError)) throw cause
  throw new StorageError('this process does not have the file store of its database', { cause })
}

/** Returns the mark of the database and the store. The first process of a database chooses it. */
async function bindStore({ prisma, store }: MarkDependencies): Promise<string> {
  const { storage, place } = store
  const known = await findRow(prisma)
  const found = await readMark(storage)
  if (known?.mark === found && found !== null) return found
  return prisma.$transaction(
    async (tx) => {
      // Waits for another process that inserts the row: of two stores, one is the first.
      const { count } = await tx.storageMark.createMany({
        data: { id: rowId, mark: found ?? randomWord(markLength), place },
        skipDuplicates: true,
      })
      const row = await tx.storageMark.findUniqueOrThrow({ where: { id: rowId } })
      const mark = await readMark(storage)
      if (count === 0) {
        if (mark === row.mark) return mark
        throw new ConfigurationError(refusal(place, row, mark))
      }
      if (mark === row.mark) return mark
      if (await lacksFiles(tx, storage)) throw new ConfigurationError(refusal(place, null, null))
      return await writeMark(storage, row.mark)
    },
    { timeout: bindMilliseconds },
  )
}

function findRow(prisma: Prisma | Transaction): Promise<StorageMark | null> {
  return prisma.storageMark.findUnique({ where: { id: rowId } })
}

async function readMark(storage: Storage): Promise<string | null> {
  const stream = await storage.read(markKey, { start: 0 })
  return stream && (await text(stream)).trim()
}

async function writeMark(storage: Storage, mark = randomWord(markLength)): Promise<string> {
  await storage.write(markKey, [Readable.from([Buffer.from(`${mark}\n`)])], new AbortController().signal)
  return mark
}

async function proveWritable(storage: Storage): Promise<void> {
  const key = `${probeKey}-${randomWord(markLength)}`
  await storage.write(key, [Readable.from([Buffer.from('\n')])], new AbortController().signal)
  await storage.remove(key)
}

/** True when a database of an earlier version, which has no mark, has files and the store has none of the newest. */
async function lacksFiles(tx: Transaction, storage: Storage): Promise<boolean> {
  const files = await tx.reportFile.findMany({
    where: { run: { filesDeletedAt: null } },
    orderBy: { id: 'desc' },
    take: recentFiles,
  })
  for (const file of files) if ((await storage.size(keyOfFile(file))) !== null) return false
  return files.length > 0
}

/** @param row null when the database has no mark yet, but has files */
function refusal(place: string, row: StorageMark | null, mark: string | null): string {
  const found = mark === null ? 'is empty, or is not mounted' : 'belongs to another database'
  const expected = row
    ? `${row.place} has the files of this database, since ${row.createdAt.toISOString()}`
    : 'This database has files, and none of them is there'
  return (
    `${place} cannot be the file store of this database: it ${found}. ${expected}. ` +
    'Give every process the same DATA_DIR, on a volume that they share, or the same S3_BUCKET, S3_PREFIX and S3_ENDPOINT. ' +
    'If the files were moved or lost on purpose, run "npm run storage -- adopt" with the new setting.'
  )
}

/** Runs the work at the start; a store that fails becomes a sentence that names it. */
async function namingStore<Result>(
  { place }: Pick<FileStore, 'place'>,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof StorageError)) throw cause
    throw new ConfigurationError(`${place} cannot be used as the file store: ${cause.reason}.`, { cause })
  }
}

/** Verifies the store before each change, and before it reports that something does not exist. */
function verified(storage: Storage, verify: () => Promise<void>): Storage {
  const certain = async <Value>(found: Value, isAbsent = found === null): Promise<Value> => {
    if (isAbsent) await verify()
    return found
  }
  return {
    write: async (key, content, signal) => {
      await verify()
      return storage.write(key, content, signal)
    },
    read: async (key, range) => certain(await storage.read(key, range)),
    size: async (key) => certain(await storage.size(key)),
    remove: async (key) => {
      await verify()
      await storage.remove(key)
    },
    list: async (folder) => {
      const keys = await storage.list(folder)
      return certain(keys, keys.length === 0)
    },
  }
}

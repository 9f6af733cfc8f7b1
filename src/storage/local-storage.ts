import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { codeOf } from '../errors.ts'
import { checkKey } from './file.ts'
import { type ByteRange, createByteCounter, type Storage, StorageError } from './storage.ts'

const noSpace = new Set(['ENOSPC', 'EDQUOT'])
/** System error codes that come from the disk and not from the source of the bytes. */
const diskFaults = new Set([
  ...noSpace,
  ...['EFBIG', 'EIO', 'EROFS', 'EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'EBUSY', 'ESTALE'],
  // A folder is missing, or another kind of file is in its place.
  ...['ENOENT', 'EEXIST', 'ENOTDIR', 'EISDIR', 'ELOOP'],
])

/** Stores files in a local folder. */
export function createLocalStorage(folder: string): Storage {
  const root = resolve(folder)
  const pathOf = (key: string): string => {
    checkKey(key)
    return join(root, key)
  }

  const write: Storage['write'] = async (key, content, signal) => {
    const path = pathOf(key)
    const partial = partialPath(path)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const counter = createByteCounter()
    const file = createWriteStream(partial, { flush: true, mode: 0o600 })
    try {
      await pipeline([...content, counter.stream, file], { signal })
      await rename(partial, path)
      await syncNames(path, root)
      return counter.result()
    } catch (error) {
      // An open file keeps its disk space.
      if (!file.closed) await once(file, 'close')
      await rm(partial, { force: true })
      throw error
    }
  }

  return {
    write: (key, content, signal) => wrapDiskErrors(() => write(key, content, signal)),
    read: (key, range) => wrapDiskErrors(() => openRange(pathOf(key), range).catch(whenMissing(null))),
    size: (key) =>
      wrapDiskErrors(() =>
        stat(pathOf(key)).then((found) => (found.isFile() ? found.size : null), whenMissing(null)),
      ),
    remove: (key) =>
      wrapDiskErrors(async () => {
        const path = pathOf(key)
        await rm(path, { recursive: true, force: true })
        await rm(partialPath(path), { force: true })
      }),
    list: async (key) => {
      const names = await wrapDiskErrors(() => readdir(pathOf(key)).catch(whenMissing([])))
      return names.map((name) => `${key}/${name}`)
    },
  }
}

async function openRange(path: string, { start, end }: ByteRange): Promise<Readable> {
  const handle = await open(path, 'r')
  if (end !== undefined && end <= start) {
    await handle.close()
    return Readable.from([])
  }
  return handle.createReadStream({ start, ...(end !== undefined && { end: end - 1 }) })
}

/** Runs an operation and converts disk errors into StorageError. */
async function wrapDiskErrors<Result>(act: () => Promise<Result>): Promise<Result> {
  try {
    return await act()
  } catch (cause) {
    const code = codeOf(cause)
    if (!diskFaults.has(code)) throw cause
    const reason = noSpace.has(code) ? 'there is no space left' : `the system reported ${code}`
    throw new StorageError(reason, { cause })
  }
}

/** Returns a handler for `catch` that replaces the error of a missing file or folder by a value. */
function whenMissing<Value>(value: Value): (error: unknown) => Value {
  return (error) => {
    if (codeOf(error) === 'ENOENT') return value
    throw error
  }
}

/** Makes a new file name survive a power loss, together with the folders above it, up to `root`: they can be new, too. */
async function syncNames(path: string, root: string): Promise<void> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    await using handle = await open(folder, 'r')
    await handle.sync()
    if (folder === root || folder === dirname(folder)) return
  }
}

/** Returns the path of a file while it is being written. */
function partialPath(path: string): string {
  return `${path}.part`
}

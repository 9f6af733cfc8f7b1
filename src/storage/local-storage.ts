import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createMeter } from './byte-counter.ts'
import { checkKey } from './file-key.ts'
import type { Storage } from './storage.ts'
import { StorageError } from './storage-error.ts'

const noSpace = new Set(['ENOSPC', 'EDQUOT'])
/** Codes of the system that speak of the disk, and not of where the bytes come from. */
const diskFaults = new Set([
  ...noSpace,
  ...['EFBIG', 'EIO', 'EROFS', 'EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'EBUSY', 'ESTALE'],
  // Something else stands where the file belongs.
  ...['ENOENT', 'EEXIST', 'ENOTDIR', 'EISDIR', 'ELOOP'],
])

/** Keeps files in a folder of this machine. */
export function createLocalStorage(folder: string): Storage {
  const root = resolve(folder)
  const pathOf = (key: string): string => {
    checkKey(key)
    return join(root, key)
  }

  const write: Storage['write'] = async (key, content, signal) => {
    const path = pathOf(key)
    const half = halfOf(path)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const meter = createMeter()
    const file = createWriteStream(half, { flush: true, mode: 0o600 })
    try {
      await pipeline([...content, meter.stream, file], { signal })
      await rename(half, path)
      await syncNames(path, root)
      return meter.result()
    } catch (error) {
      // A file that is still open keeps its space.
      if (!file.closed) await once(file, 'close')
      await rm(half, { force: true })
      throw error
    }
  }

  return {
    write: (key, content, signal) => onDisk(() => write(key, content, signal)),
    read: (key, { start, end }) =>
      onDiskOr(null, async () => {
        const handle = await open(pathOf(key), 'r')
        if (end !== undefined && end <= start) {
          await handle.close()
          return Readable.from([])
        }
        return handle.createReadStream({ start, ...(end !== undefined && { end: end - 1 }) })
      }),
    size: (key) =>
      onDiskOr(null, async () => {
        const found = await stat(pathOf(key))
        return found.isFile() ? found.size : null
      }),
    remove: (key) =>
      onDisk(async () => {
        const path = pathOf(key)
        await rm(path, { recursive: true, force: true })
        await rm(halfOf(path), { force: true })
      }),
    list: (key) => onDiskOr([], async () => (await readdir(pathOf(key))).map((name) => `${key}/${name}`)),
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT'
}

/** Passes a result on, and says of faults of the disk that they are the store's. */
async function onDisk<Result>(act: () => Promise<Result>): Promise<Result> {
  try {
    return await act()
  } catch (cause) {
    const code = codeOf(cause)
    if (!diskFaults.has(code)) throw cause
    const reason = noSpace.has(code) ? 'there is no space left' : `the system answered ${code}`
    throw new StorageError(reason, { cause })
  }
}

/** The same, with another value when there is no such file or folder. */
function onDiskOr<Result, Missing>(missing: Missing, act: () => Promise<Result>): Promise<Result | Missing> {
  return onDisk<Result | Missing>(async () => {
    try {
      return await act()
    } catch (error) {
      if (isMissing(error)) return missing
      throw error
    }
  })
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes a new name outlast a loss of power, and with it the folders above that may be as new, up to `root`. */
async function syncNames(path: string, root: string): Promise<void> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    await syncFolder(folder)
    if (folder === root || folder === dirname(folder)) return
  }
}

/** Name of a file while it is being written. */
function halfOf(path: string): string {
  return `${path}.part`
}

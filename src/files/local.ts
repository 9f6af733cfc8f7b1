import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Storage } from './storage.ts'

const createMeter = () => {
  const hash = createHash('sha256')
  let byteSize = 0n
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      byteSize += BigInt(chunk.byteLength)
      done(null, chunk)
    },
  })
  return { stream, result: () => ({ byteSize, sha256: hash.digest('hex') }) }
}

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes a new name outlast a loss of power, and with it the folders above that may be as new, up to `root`. */
const syncNames = async (path: string, root: string): Promise<void> => {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    await syncFolder(folder)
    if (folder === root || folder === dirname(folder)) return
  }
}

/** Keeps files in a folder of this machine. */
export const createLocalStorage = (folder: string): Storage => {
  const root = resolve(folder)
  const pathOf = (key: string): string => {
    if (!/^[\w.-]+(\/[\w.-]+)*$/.test(key) || key.includes('..')) throw new Error(`${key} is no storage key.`)
    return join(root, key)
  }
  return {
    write: async (key, content, signal) => {
      const path = pathOf(key)
      const half = `${path}.part`
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      const meter = createMeter()
      try {
        await pipeline([...content, meter.stream, createWriteStream(half, { flush: true, mode: 0o600 })], {
          signal,
        })
        await rename(half, path)
        await syncNames(path, root)
        return meter.result()
      } catch (error) {
        await rm(half, { force: true })
        throw error
      }
    },
    remove: (key) => rm(pathOf(key), { recursive: true, force: true }),
    list: async (key) => {
      try {
        return (await readdir(pathOf(key))).map((name) => `${key}/${name}`)
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
        throw error
      }
    },
    has: async (key) => {
      try {
        return (await stat(pathOf(key))).isFile()
      } catch {
        return false
      }
    },
    root,
  }
}

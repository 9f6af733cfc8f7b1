import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'
import type { StoredFile } from './storage.ts'

export type ByteCounter = {
  /** Passes bytes through. */
  stream: Transform
  /** What came through so far; to be asked for once. */
  result(): StoredFile
}

/** Counts bytes, and takes their SHA-256. */
export function createByteCounter(): ByteCounter {
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

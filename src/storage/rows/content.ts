import { pipeline, type Readable, Transform } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import type { Compression } from '../../postgres/generated/prisma/client.ts'
import { NoRowError, type RowSource } from './row-reader.ts'

const newline = 0x0a

const unpackers: Record<Compression, (() => Transform) | null> = {
  NONE: null,
  GZIP: createGunzip,
  ZSTD: createZstdDecompress,
}

/**
 * Opens the content of a file of lines, unpacked, from the beginning of a line on. Of a file that is not compressed only
 * what follows is read; a compressed one is unpacked from its beginning.
 *
 * @param offset bytes of the unpacked content before the line
 * @returns null when the file has been erased; what is not read to its end has to be destroyed
 */
export async function openContent(
  { storage, key, compression, signal }: RowSource,
  offset: number,
): Promise<Readable | null> {
  const unpack = unpackers[compression]
  // With the byte before: by that, a line is known to begin here.
  const start = unpack || offset === 0 ? 0 : offset - 1
  const stored = await storage.read(key, { start })
  if (!stored) return null
  const skip = createSkip(offset - start)
  // Faults come out of the last stage, where they are awaited.
  pipeline([stored, ...(unpack ? [unpack()] : []), skip], () => {})
  const stop = (): void => void skip.destroy(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  skip.once('close', () => signal.removeEventListener('abort', stop))
  if (signal.aborted) stop()
  return skip
}

/** Leaves out the first bytes, which have to end with a line. */
function createSkip(bytes: number): Transform {
  let left = bytes
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const skipped = Math.min(left, chunk.length)
      left -= skipped
      if (skipped > 0 && left === 0 && chunk[skipped - 1] !== newline)
        done(new NoRowError('No line begins here.'))
      else done(null, chunk.subarray(skipped))
    },
    flush: (done) => done(left > 0 ? new NoRowError('The file is shorter.') : null),
  })
}

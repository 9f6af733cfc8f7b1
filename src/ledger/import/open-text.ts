import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { BadExport } from './import-errors.ts'

/** Bytes per read: few, because Postgres can wait for its next statement while a chunk is parsed. */
const chunkBytes = 64 * 1024

/**
 * Opens a text file and decompresses it when it is gzip.
 *
 * @throws BadExport when the file cannot be opened, and from `parts` when it cannot be decompressed or is not UTF-8
 */
export async function openText(path: string) {
  try {
    const { isGzip, size, mtime } = await inspectFile(path)
    const file = createReadStream(path, { highWaterMark: chunkBytes })
    // `pipeline` forwards an error of the file to the decompressed stream.
    const bytes = isGzip ? pipeline(file, createGunzip({ chunkSize: chunkBytes }), () => {}) : file
    return {
      /** The decoded text in parts, without a byte order mark. Can be iterated once. */
      parts: decode(bytes),
      /** Returns the number of bytes read from the file so far. */
      bytesRead: () => file.bytesRead,
      byteSize: size,
      writtenAt: mtime,
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new BadExport(`it cannot be opened: ${reason}`, { cause })
  }
}

/** Returns size and time, and whether the file starts like gzip, independent of its name. */
async function inspectFile(path: string) {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
  const isGzip = bytesRead === 2 && buffer.readUInt16BE(0) === 0x1f8b
  const { size, mtime } = await file.stat()
  return { isGzip, size, mtime }
}

async function* decode(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true })
    yield decoder.decode()
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause)) throw cause
    if (cause.code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      throw new BadExport('it is not UTF-8 text: save it again as CSV in UTF-8', { cause })
    }
    if (String(cause.code).startsWith('Z_')) {
      throw new BadExport(`it cannot be decompressed: ${cause.message}`, { cause })
    }
    throw cause
  }
}

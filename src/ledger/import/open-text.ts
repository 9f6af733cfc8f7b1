import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { BadExport } from './import-errors.ts'

/** Bytes that are read at once: few, because what they hold is parsed while Postgres may wait for its next statement. */
const chunkBytes = 64 * 1024

/**
 * Opens a text, unpacked when it is gzip.
 *
 * @throws BadExport when there is no such file, and from `parts` when it cannot be unpacked or is not UTF-8
 */
export async function openText(path: string) {
  try {
    const { isGzip, size, mtime } = await lookAt(path)
    const file = createReadStream(path, { highWaterMark: chunkBytes })
    // An error of the file ends the unpacking with it, and is thrown from there.
    const bytes = isGzip ? pipeline(file, createGunzip({ chunkSize: chunkBytes }), () => {}) : file
    return {
      /** The text in parts, in UTF-8 and without a byte order mark. It can be gone through once. */
      parts: decode(bytes),
      /** Bytes of the file that have been read so far. */
      bytesRead: () => file.bytesRead,
      byteSize: size,
      writtenAt: mtime,
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new BadExport(`it cannot be opened: ${reason}`, { cause })
  }
}

/** Whether the file begins as gzip does, whatever its name. */
async function lookAt(path: string) {
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
      throw new BadExport('it is no text in UTF-8: save it again as CSV in UTF-8', { cause })
    }
    if (String(cause.code).startsWith('Z_')) {
      throw new BadExport(`it cannot be unpacked: ${cause.message}`, { cause })
    }
    throw cause
  }
}

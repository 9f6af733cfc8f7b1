import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { codeOf } from '../../errors.ts'
import { encodingOf, signatureBytes } from './file-type.ts'
import { BadExport } from './import-errors.ts'

/** Bytes per read: few, because Postgres can wait for its next statement while a chunk is parsed. */
const chunkBytes = 64 * 1024

/**
 * Opens a text file and decompresses it when it is gzip.
 *
 * @throws BadExport when the file cannot be opened or is not a regular file, and from `parts` when it cannot be
 * decompressed, is not text, or changes while it is read
 */
export async function openText(path: string) {
  const { file, isGzip, size, mtime } = await openFile(path)
  let bytesRead = 0
  const chunks = readChunks(file, (count) => {
    bytesRead += count
  })
  // `pipeline` forwards an error of the file to the decompressed stream.
  const unzip = () => pipeline(Readable.from(chunks), createGunzip({ chunkSize: chunkBytes }), () => {})
  return {
    /** The decoded text in parts, without a byte order mark. Can be iterated once, and closes the file. */
    parts: readParts(file, isGzip ? unzip() : chunks, { size, mtime }),
    /** Returns the number of bytes read from the file so far. */
    bytesRead: () => bytesRead,
    byteSize: size,
    writtenAt: mtime,
  }
}

/** Opens a regular file, and finds out whether it starts like gzip, independent of its name. */
async function openFile(path: string) {
  let file: FileHandle | null = null
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for its writer.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const stats = await file.stat()
    if (!stats.isFile()) {
      const type = stats.isDirectory() ? 'a directory' : 'a pipe, a socket or a device'
      throw new BadExport(`it is ${type}: give the path of a regular file`)
    }
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
    const isGzip = bytesRead === 2 && buffer.readUInt16BE(0) === 0x1f8b
    return { file, isGzip, size: stats.size, mtime: stats.mtime }
  } catch (cause) {
    await file?.close()
    if (cause instanceof BadExport) throw cause
    throw new BadExport(`it cannot be opened: ${explainFailure(cause)}`, { cause })
  }
}

function explainFailure(error: unknown): string {
  const code = codeOf(error)
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES' || code === 'EPERM') return 'this user has no permission to read it'
  if (code === 'ENXIO') return 'it is a socket or a device: give the path of a regular file'
  return error instanceof Error ? error.message : String(error)
}

async function* readChunks(file: FileHandle, onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  let position = 0
  while (true) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, position)
    if (bytesRead === 0) return
    position += bytesRead
    onRead(bytesRead)
    yield buffer.subarray(0, bytesRead)
  }
}

async function* readParts(
  file: FileHandle,
  bytes: AsyncIterable<Buffer>,
  before: { size: number; mtime: Date },
): AsyncGenerator<string> {
  try {
    yield* decode(bytes)
    const { size, mtime } = await file.stat()
    if (size !== before.size || mtime.getTime() !== before.mtime.getTime()) {
      throw new BadExport('it changed while it was read: wait until it is complete, and import it again')
    }
  } finally {
    await file.close()
  }
}

async function* decode(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let decoder: TextDecoder | null = null
  try {
    for await (const chunk of bytes) {
      decoder ??= new TextDecoder(encodingOf(chunk.subarray(0, signatureBytes)), { fatal: true })
      yield decoder.decode(chunk, { stream: true })
    }
    if (decoder) yield decoder.decode()
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    if (codeOf(cause) === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      throw new BadExport('it is not UTF-8 text: save it again as CSV in UTF-8', { cause })
    }
    if (codeOf(cause).startsWith('Z_')) {
      throw new BadExport(`it cannot be decompressed: ${cause.message}`, { cause })
    }
    throw cause
  }
}

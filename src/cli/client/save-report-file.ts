import { createHash, randomUUID } from 'node:crypto'
import { constants, createReadStream, createWriteStream } from 'node:fs'
import { access, realpath, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ClientError } from './client-error.ts'
import type { ReportFile } from './report-run.ts'

export type DownloadOptions = {
  signal: AbortSignal
  onBytes: (bytes: number) => void
}

/**
 * Finds out early that a file could not be written in the end.
 *
 * @throws ClientError when the folder is missing, or the path leads to something other than a plain file
 */
export async function checkFilePath(path: string): Promise<void> {
  const target = await targetOf(path)
  const folder = dirname(target)
  await access(folder, constants.W_OK).catch((cause: unknown) => {
    throw new ClientError(`Nothing can be written into the folder ${folder}: ${String(codeOf(cause))}.`, {
      cause,
    })
  })
  const existing = await stat(target).catch(() => null)
  // A new file takes the place of the old one, which must not happen to a folder or to /dev/null.
  if (existing && !existing.isFile()) throw new ClientError(`${path} is no file. Name a file to write.`)
}

/**
 * Writes the file under a temporary name beside `path`, and renames it when its checksum is right; a file that was
 * there before stays as it is until then.
 *
 * @throws ClientError when it did not arrive whole; then nothing is left of it
 */
export async function saveReportFile(
  file: ReportFile,
  path: string,
  options: DownloadOptions,
): Promise<void> {
  await checkFilePath(path)
  const target = await targetOf(path)
  const partial = `${target}.${randomUUID()}.part`
  await downloadWhole(file, partial, 0o666, options)
  try {
    await rename(partial, target)
  } catch (cause) {
    await rm(partial, { force: true })
    throw new ClientError(`${path} cannot be written: ${String(codeOf(cause))}.`, { cause })
  }
}

/**
 * Writes the file to a stream, by way of a temporary file, so that the reader gets nothing before the checksum is
 * right.
 *
 * @throws ClientError when it did not arrive whole
 */
export async function pipeReportFile(
  file: ReportFile,
  output: Writable,
  options: DownloadOptions,
): Promise<void> {
  const partial = join(tmpdir(), `report-${randomUUID()}.part`)
  // Other users of the machine may read that folder.
  await downloadWhole(file, partial, 0o600, options)
  try {
    await pipeline(createReadStream(partial), output, { end: false, signal: options.signal })
  } catch (error) {
    // A reader such as `head` has read enough.
    if (codeOf(error) !== 'EPIPE') throw error
  } finally {
    await rm(partial, { force: true })
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null
}

/** What the path leads to when it is a link, so that the link stays one. */
async function targetOf(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return resolve(path)
    throw new ClientError(`${path} cannot be written: ${String(codeOf(error))}.`, { cause: error })
  }
}

async function open(file: ReportFile, signal: AbortSignal): Promise<Readable> {
  if (!file.download) throw new ClientError(`The file ${file.filename} has been deleted.`)
  let response: Response
  try {
    // The link is signed: no key goes with it.
    response = await fetch(file.download.url, { signal })
  } catch (cause) {
    signal.throwIfAborted()
    throw new ClientError(`The file cannot be had from ${new URL(file.download.url).origin}.`, { cause })
  }
  if (!response.ok || !response.body) {
    const sentence = (await response.text()).trim().slice(0, 300)
    throw new ClientError(`The file cannot be had: ${response.status} ${sentence}`)
  }
  return Readable.from(response.body)
}

/** Downloads into a new file, and leaves it there only when every byte is right. */
async function downloadWhole(
  file: ReportFile,
  path: string,
  mode: number,
  { signal, onBytes }: DownloadOptions,
): Promise<void> {
  const expected = Number(file.byteSize)
  const hash = createHash('sha256')
  let bytes = 0
  const measure = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      hash.update(chunk)
      bytes += chunk.byteLength
      if (bytes > expected) break
      onBytes(bytes)
      yield chunk
    }
  }
  try {
    const source = await open(file, signal)
    const partial = createWriteStream(path, { flags: 'wx', mode, flush: true })
    await pipeline(source, measure, partial, { signal })
    const sha256 = hash.digest('hex')
    if (bytes !== expected || sha256 !== file.sha256) {
      throw new ClientError(
        `The file did not arrive whole and was not kept: ${bytes} bytes with sha256 ${sha256}, expected ${expected} with ${file.sha256}.`,
      )
    }
  } catch (error) {
    await rm(path, { force: true })
    signal.throwIfAborted()
    if (error instanceof ClientError) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw new ClientError(`The download broke off after ${bytes} of ${expected} bytes: ${message}`, {
      cause: error,
    })
  }
}

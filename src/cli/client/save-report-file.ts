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
 * Checks that a file can be written, before a run is created for it.
 *
 * @throws ClientError when the folder is missing, or the path leads to something other than a regular file
 */
export async function checkFilePath(path: string): Promise<void> {
  const target = await targetOf(path)
  const folder = dirname(target)
  await access(folder, constants.W_OK).catch((cause: unknown) => {
    throw new ClientError(`Cannot write to the folder ${folder}: ${String(codeOf(cause))}.`, {
      cause,
    })
  })
  const existing = await stat(target).catch(() => null)
  // The new file replaces the old one, which must not happen to a folder or to /dev/null.
  if (existing && !existing.isFile())
    throw new ClientError(`${path} is not a regular file. Name a file to write.`)
}

/**
 * Writes the file under a temporary name beside `path`, and renames it when its checksum is correct. An existing file
 * stays unchanged until then.
 *
 * @throws ClientError when the download is incomplete; then no part of it remains
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
 * Writes the file to a stream through a temporary file, so that the reader receives nothing before the checksum is
 * correct.
 *
 * @throws ClientError when the download is incomplete
 */
export async function pipeReportFile(
  file: ReportFile,
  output: Writable,
  options: DownloadOptions,
): Promise<void> {
  const partial = join(tmpdir(), `report-${randomUUID()}.part`)
  // Other users of the machine can read that folder.
  await downloadWhole(file, partial, 0o600, options)
  try {
    await pipeline(createReadStream(partial), output, { end: false, signal: options.signal })
  } catch (error) {
    // A reader such as `head` can stop early.
    if (codeOf(error) !== 'EPIPE') throw error
  } finally {
    await rm(partial, { force: true })
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null
}

/** The file that a symbolic link leads to, so that the link itself is kept; otherwise the path. */
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
    // The link is signed, so no key is sent.
    response = await fetch(file.download.url, { signal })
  } catch (cause) {
    signal.throwIfAborted()
    throw new ClientError(`The file cannot be downloaded from ${new URL(file.download.url).origin}.`, {
      cause,
    })
  }
  if (!response.ok || !response.body) {
    const sentence = (await response.text()).trim().slice(0, 300)
    throw new ClientError(`The file cannot be downloaded: ${response.status} ${sentence}`)
  }
  return Readable.from(response.body)
}

/** Downloads into a new file, and keeps it only when its size and checksum are correct. */
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
        `The download is damaged and was not kept: ${bytes} bytes with sha256 ${sha256}, expected ${expected} with ${file.sha256}.`,
      )
    }
  } catch (error) {
    await rm(path, { force: true })
    signal.throwIfAborted()
    if (error instanceof ClientError) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw new ClientError(`The download failed after ${bytes} of ${expected} bytes: ${message}`, {
      cause: error,
    })
  }
}

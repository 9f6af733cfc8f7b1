import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import send from 'send'
import type { HttpStatus } from '../error-codes.ts'
import type { Prisma } from '../postgres/client.ts'
import type { ReportFile } from '../postgres/generated/prisma/client.ts'
import { contentDisposition, contentType, keyOfFile } from './file.ts'
import type { LinkSigner } from './link.ts'

// The types leave out what `send` hands on to the file's stream.
const sendOptions: send.SendOptions & { highWaterMark: number } = {
  dotfiles: 'allow',
  etag: false,
  lastModified: false,
  cacheControl: false,
  index: false,
  // Large reads cost fewer system calls: 1 MiB is four times as fast as the default of 64 KiB.
  highWaterMark: 1024 * 1024,
}

type Status = HttpStatus<'/files/ID'>

/** Statuses that `send` gives to a request that it does not serve, and what they mean here. */
const refusals: ReadonlyMap<number | undefined, [status: Status, sentence: string]> = new Map([
  [404, [410, 'This file is not there any more. Run the report again.']],
  [412, [412, 'The file is not the one that If-Match or If-Unmodified-Since asks for.']],
  [416, [416, 'The range lies outside the file.']],
])

export type DownloadDependencies = { prisma: Prisma; logger: Logger; now: () => Date }

/**
 * Serves `/files/ID?expires=…&signature=…`: GET and HEAD, with Range and conditional requests. The link is the only
 * proof that it asks for.
 *
 * @param root folder on this machine that storage keys are relative to
 */
export function createDownloadHandler(
  { prisma, logger, now }: DownloadDependencies,
  linkSigner: LinkSigner,
  root: string,
) {
  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return answer(response, 405, 'A file can only be read: use GET or HEAD.')
    }
    const fileId = url.pathname.slice('/files/'.length)
    const fault = linkSigner.fault(fileId, url.searchParams, now())
    if (fault) return answer(response, 403, fault)

    const file = await prisma.reportFile.findUnique({ where: { id: fileId } })
    if (!file) return answer(response, 410, 'This file has been deleted.')
    describeFile(response, file)
    widenSuffix(request, file.byteSize)
    send(request, `/${keyOfFile(file)}`, { ...sendOptions, root })
      .on('error', (error: Error & { status?: number }) => {
        const [status, sentence] = refusals.get(error.status) ?? [
          500,
          'The file cannot be read now. Try again later.',
        ]
        if (status === 410 || status === 500)
          logger.error({ err: error, fileId }, 'A file could not be sent.')
        if (response.headersSent) response.destroy()
        else answer(response, status, sentence)
      })
      .pipe(response)
  }
}

function answer(response: ServerResponse, status: Status, sentence: string): void {
  // Headers of the file do not hold for the sentence; Content-Range shows its size when the range was too large.
  for (const name of response.getHeaderNames()) if (name !== 'content-range') response.removeHeader(name)
  if (status === 405) response.setHeader('Allow', 'GET, HEAD')
  response.statusCode = status
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('Cache-Control', 'no-store')
  response.end(`${sentence}\n`)
}

function describeFile(response: ServerResponse, file: ReportFile): void {
  response.setHeader('Content-Type', contentType(file))
  response.setHeader('Content-Disposition', contentDisposition(file))
  response.setHeader('ETag', `"${file.sha256}"`)
  response.setHeader('Last-Modified', file.createdAt.toUTCString())
  response.setHeader('Cache-Control', 'private, no-cache')
  response.setHeader('X-Content-Type-Options', 'nosniff')
}

/** By RFC 9110 the last 1000 bytes of a shorter file are all of it; `send` would refuse to give them. */
function widenSuffix({ headers }: IncomingMessage, byteSize: bigint): void {
  const [, length] = /^bytes=-(\d+)$/.exec(headers.range ?? '') ?? []
  if (length && BigInt(length) > byteSize) headers.range = 'bytes=0-'
}

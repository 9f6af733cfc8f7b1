import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import send from 'send'
import type { HttpStatus } from '../error-codes.ts'
import type { Prisma } from '../postgres/client.ts'
import type { ReportFile } from '../postgres/generated/prisma/client.ts'
import { contentDisposition, contentType, keyOfFile } from './file.ts'
import type { LinkSigner } from './link.ts'
import { sendBytes } from './send-bytes.ts'
import type { Storage } from './storage.ts'

const sendOptions: send.SendOptions = {
  dotfiles: 'allow',
  etag: false,
  lastModified: false,
  cacheControl: false,
  index: false,
}

type Status = HttpStatus<'/files/ID'>

/**
 * The headers that describe the file, which an error message does not have. Content-Range is not one of them: it has the
 * file's size when the range is outside.
 */
const fileHeaders = ['Content-Disposition', 'Content-Length', 'ETag', 'Last-Modified']

/** Responses by the error status of `send`. */
const errorResponses: ReadonlyMap<number | undefined, [status: Status, message: string]> = new Map([
  [404, [410, 'This file no longer exists. Run the report again.']],
  [412, [412, 'The file does not match If-Match or If-Unmodified-Since.']],
  [416, [416, 'The range is outside the file.']],
])

const unreadable: [Status, string] = [500, 'The file cannot be read. Try again later.']

export type DownloadDependencies = {
  prisma: Prisma
  /** Throws instead of reporting that a file does not exist when the store is another one. */
  storage: Pick<Storage, 'size'>
  logger: Logger
  now: () => Date
}

/**
 * Creates the handler of `/files/ID?expires=…&signature=…`: GET and HEAD, with Range and conditional requests. The signed
 * link is the only authorization that it requires.
 *
 * @param root local folder that storage keys are relative to
 */
export function createDownloadHandler(
  { prisma, storage, logger, now }: DownloadDependencies,
  linkSigner: LinkSigner,
  root: string,
) {
  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return respond(response, 405, 'Only GET and HEAD are allowed for files.')
    }
    const fileId = url.pathname.slice('/files/'.length)
    const fault = linkSigner.fault(fileId, url.searchParams, now())
    if (fault) return respond(response, 403, fault)

    const file = await prisma.reportFile.findUnique({ where: { id: fileId } })
    if (!file) return respond(response, 410, 'This file has been deleted.')
    describeFile(response, file)
    widenSuffix(request, file.byteSize)
    const sending = send(request, `/${keyOfFile(file)}`, { ...sendOptions, root })
    // `send` answers the conditions and finds the range; the bytes are sent in a faster way than its own.
    sending.stream = (path: string, { start = 0 }: { start?: number } = {}) => {
      const length = Number(response.getHeader('Content-Length'))
      sendBytes(path, { start, length }, response).catch((error) => {
        if (!response.closed) sending.onStatError(error)
      })
    }
    sending
      .on('error', async (error: Error & { status?: number }) => {
        const isStoreThere = error.status !== 404 || (await canAsk(storage, file))
        const [status, message] = (isStoreThere && errorResponses.get(error.status)) || unreadable
        if (status === 410 || status === 500) logger.error({ err: error, fileId }, 'Cannot send a file.')
        if (response.headersSent) response.destroy()
        else respond(response, status, message)
      })
      .pipe(response)
  }
}

function respond(response: ServerResponse, status: Status, message: string): void {
  for (const name of fileHeaders) response.removeHeader(name)
  if (status === 405) response.setHeader('Allow', 'GET, HEAD')
  response.statusCode = status
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('Cache-Control', 'no-store')
  response.end(`${message}\n`)
}

/** False when the store cannot determine whether the file exists. */
async function canAsk(storage: Pick<Storage, 'size'>, file: ReportFile): Promise<boolean> {
  return storage.size(keyOfFile(file)).then(
    () => true,
    () => false,
  )
}

function describeFile(response: ServerResponse, file: ReportFile): void {
  response.setHeader('Content-Type', contentType(file))
  response.setHeader('Content-Disposition', contentDisposition(file))
  response.setHeader('ETag', `"${file.sha256}"`)
  response.setHeader('Last-Modified', file.createdAt.toUTCString())
  response.setHeader('Cache-Control', 'private, no-cache')
  response.setHeader('X-Content-Type-Options', 'nosniff')
}

/** RFC 9110 returns the whole file when a suffix range is longer than the file. `send` would respond with 416. */
function widenSuffix({ headers }: IncomingMessage, byteSize: bigint): void {
  const [, length] = /^bytes=-(\d+)$/.exec(headers.range ?? '') ?? []
  if (length && BigInt(length) > byteSize) headers.range = 'bytes=0-'
}

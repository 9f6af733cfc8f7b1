import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import S3rver from '@20minutes/s3rver'
import type { S3Config } from '../../src/config/config.ts'

export const bucketName = 'reports'

/** The fixed credentials of the server. */
export const s3Credentials = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' }

export type S3Server = AsyncDisposable & {
  config: S3Config
  /** The requests so far, as `GET /reports/a/file` with the query. */
  requests: string[]
  /** Returns the files of the bucket on the server's disk, including parts of unfinished uploads. */
  files(): Promise<string[]>
  /** Stops listening and closes all connections. */
  stop(): Promise<void>
  /** Listens again, at the same address and with the same files. */
  start(): Promise<void>
}

const uploadsFolder = '._S3rver_uploads'

/**
 * Handles two requests that the server does not support, in the form of S3: list unfinished uploads, and abort one. It does
 * not check their signatures.
 *
 * @returns false for other requests
 */
async function answerUploads(
  directory: string,
  ...[request, response]: Parameters<RequestListener>
): Promise<boolean> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://s3')
  const uploads = join(directory, bucketName, uploadsFolder)
  if (request.method === 'GET' && searchParams.has('uploads')) {
    const ids = await readdir(uploads).catch(() => [])
    const found = await Promise.all(
      // An upload that ends now has lost its key.
      ids.map(async (id) => ({
        id,
        key: await readFile(join(uploads, id, 'key'), 'utf8').catch(() => null),
      })),
    )
    const listed = found.filter(({ key }) => key?.startsWith(searchParams.get('prefix') ?? ''))
    const entries = listed.map(
      ({ id, key }) => `<Upload><Key>${key}</Key><UploadId>${id}</UploadId></Upload>`,
    )
    response.setHeader('Content-Type', 'application/xml')
    response.end(
      `<?xml version="1.0"?><ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${entries.join('')}</ListMultipartUploadsResult>`,
    )
    return true
  }
  const id = searchParams.get('uploadId')
  if (request.method !== 'DELETE' || !id || !pathname.startsWith(`/${bucketName}/`)) return false
  // A part can still be written to the folder.
  await rm(join(uploads, id), { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
  response.writeHead(204).end()
  return true
}

/** Starts a local S3 server with one empty bucket. */
export async function startS3Server(prefix = 'some/folder'): Promise<S3Server> {
  await using cleanup = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'report-gateway-s3-'))
  cleanup.defer(() => rm(directory, { recursive: true, force: true }))
  const options = { directory, silent: true, configureBuckets: [{ name: bucketName }] }
  const strict = new S3rver(options)
  await strict.configureBuckets()
  // Requests to the bucket itself end in a slash, which the server omits when it verifies the signature.
  const lenient = new S3rver({ ...options, allowMismatchedSignatures: true })
  const [answerOfFile, answerOfBucket] = [strict.callback(), lenient.callback()]
  const requests: string[] = []
  const server = createServer(async (request, response) => {
    requests.push(`${request.method} ${request.url}`)
    if (await answerUploads(directory, request, response)) return
    const isOfBucket = /^\/[^/?]+\/?(\?|$)/.test(request.url ?? '')
    await (isOfBucket ? answerOfBucket : answerOfFile)(request, response)
  })
  let port = 0
  const start = async (): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    // A server that listens on a port has an address of this form.
    ;({ port } = server.address() as AddressInfo)
  }
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  await start()
  cleanup.defer(stop)
  const opened = cleanup.move()
  return {
    config: {
      bucket: bucketName,
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${port}`,
      prefix,
      forcePathStyle: true,
    },
    requests,
    files: async () => {
      const found = await readdir(join(directory, bucketName), { recursive: true, withFileTypes: true })
      return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    },
    stop,
    start,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

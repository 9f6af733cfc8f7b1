import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { type FileHandle, open, rm, truncate } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createLinkSigner } from '../../src/storage/link.ts'
import { expectRefusal, headersOf } from '../support/file-refusal.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { type StoredTestFile, storeFile } from '../support/stored-file.ts'

const content = 'id,amount\n1,10.00\n2,20.00\n'

let gateway: TestGateway
let account: TestAccount
let file: StoredTestFile
beforeAll(async () => {
  gateway = await startTestGateway()
  account = await gateway.createAccount()
  file = await storeFile(gateway, account, content)
})
afterAll(() => gateway[Symbol.asyncDispose]())

describe('a signed link', () => {
  test('returns the file without an API key', async () => {
    const response = await fetch(await file.link())
    expect(response.status).toBe(200)
    expect(headersOf(response)).toMatchObject({
      'content-type': 'text/csv; charset=utf-8',
      'content-length': String(content.length),
      'content-disposition': `attachment; filename="${file.filename}"`,
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache',
      'x-content-type-options': 'nosniff',
      etag: `"${file.sha256}"`,
    })
    expect(await response.text()).toBe(content)
  })

  test('returns the same headers and no body to HEAD', async () => {
    const url = await file.link()
    const [whole, head] = [await fetch(url), await fetch(url, { method: 'HEAD' })]
    await whole.text()
    // These headers differ for each response.
    const { connection: _a, 'keep-alive': _b, date: _c, 'x-request-id': _d, ...headers } = headersOf(head)
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect(headersOf(whole)).toMatchObject(headers)
    expect(headers['content-length']).toBe(String(content.length))
  })

  test.each([
    ['GZIP', 'application/gzip'],
    ['ZSTD', 'application/zstd'],
  ] as const)('returns a file compressed by %s unchanged', async (compression, type) => {
    const bytes = Uint8Array.of(0x1f, 0x8b, 0, 255)
    const compressed = await storeFile(gateway, account, bytes, compression)
    const response = await fetch(await compressed.link())
    expect(response.headers.get('content-type')).toBe(type)
    expect(response.headers.get('content-encoding')).toBeNull()
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes)
  })

  test('is valid at every gateway of the database, and starts with the public URL', async () => {
    const { database, dataDir } = gateway
    const publicUrl = 'https://reports.example/gateway'
    await using other = await startTestGateway({ database, dataDir, config: { publicUrl } })
    const { accountId } = account
    const { client } = await other.createAccount({ accountId })
    const { node } = await client.request<{ node: { download: { url: string } } }>(
      `{ node(id: "${file.id}") { ... on ReportFile { download { url } } } }`,
    )
    expect(node.download.url).toMatch(/^https:\/\/reports\.example\/gateway\/files\/file_/)
    expect((await fetch(node.download.url.replace(publicUrl, gateway.url))).status).toBe(200)
  })
})

test.each(['POST', 'PUT', 'DELETE'])('a file rejects %s', async (method) => {
  const response = await fetch(await file.link(), { method })
  expect(response.headers.get('allow')).toBe('GET, HEAD')
  await expectRefusal(response, 405, 'Only GET and HEAD are allowed for files.\n')
})

describe('a range of a file', () => {
  const size = content.length
  test.each([
    ['bytes=0-1', 'id', `bytes 0-1/${size}`],
    ['bytes=0-0', 'i', `bytes 0-0/${size}`],
    ['bytes=10-', content.slice(10), `bytes 10-${size - 1}/${size}`],
    ['bytes=-8', content.slice(-8), `bytes ${size - 8}-${size - 1}/${size}`],
    ['bytes=20-1000', content.slice(20), `bytes 20-${size - 1}/${size}`],
    ['bytes=-1000', content, `bytes 0-${size - 1}/${size}`],
    ['bytes=0-1,2-3', 'id,a', `bytes 0-3/${size}`],
  ])('is returned: %s', async (range, expected, contentRange) => {
    const response = await fetch(await file.link(), { headers: { range } })
    expect(response.status).toBe(206)
    expect(headersOf(response)).toMatchObject({
      'content-range': contentRange,
      'content-length': String(expected.length),
      etag: `"${file.sha256}"`,
    })
    expect(await response.text()).toBe(expected)
  })

  test.each(['bytes=0-1,10-12', 'lines=1-2', 'bytes=x-y', 'bytes'])(
    'is ignored when it is %s',
    async (range) => {
      const response = await fetch(await file.link(), { headers: { range } })
      expect([response.status, await response.text()]).toEqual([200, content])
    },
  )

  test.each([`bytes=${size}-`, 'bytes=1000-2000', 'bytes=-0'])('cannot be %s', async (range) => {
    const response = await fetch(await file.link(), { headers: { range } })
    expect(response.headers.get('content-range')).toBe(`bytes */${size}`)
    await expectRefusal(response, 416, 'The range is outside the file.\n')
  })

  test('is returned only when If-Range matches the file', async () => {
    const partOf = async (ifRange: string): Promise<string> =>
      (await fetch(await file.link(), { headers: { range: 'bytes=0-1', 'if-range': ifRange } })).text()
    expect(await partOf(`"${file.sha256}"`)).toBe('id')
    expect(await partOf('"another"')).toBe(content)
    expect(await partOf(new Date(Date.now() + 60_000).toUTCString())).toBe('id')
    expect(await partOf('Thu, 01 Jan 2026 00:00:00 GMT')).toBe(content)
  })
})

describe('a client that has the file', () => {
  const ask = async (headers: Record<string, string>): Promise<Response> =>
    fetch(await file.link(), { headers })

  test.each([
    ['matching If-None-Match', () => ({ 'if-none-match': `"${file.sha256}"` })],
    ['If-None-Match with several tags', () => ({ 'if-none-match': `"another", W/"${file.sha256}"` })],
    ['If-None-Match *', () => ({ 'if-none-match': '*' })],
    ['later If-Modified-Since', () => ({ 'if-modified-since': new Date(Date.now() + 60_000).toUTCString() })],
  ])('does not receive it again: %s', async (_what, headers) => {
    // Without this, fetch adds "no-cache".
    const response = await ask({ ...headers(), 'cache-control': '' })
    expect([response.status, await response.text()]).toEqual([304, ''])
    expect(response.headers.get('etag')).toBe(`"${file.sha256}"`)
    expect(response.headers.get('content-length')).toBeNull()
  })

  test('receives a changed file', async () => {
    const response = await ask({ 'if-none-match': '"another"' })
    expect([response.status, await response.text()]).toEqual([200, content])
  })

  test('learns from If-Match that the file changed', async () => {
    expect((await ask({ 'if-match': `"${file.sha256}"` })).status).toBe(200)
    await expectRefusal(await ask({ 'if-match': '"another"' }), 412, /^The file does not match/)
  })
})

describe('a missing file', () => {
  test('on disk is reported and logged', async () => {
    const gone = await storeFile(gateway, account, content)
    const url = await gone.link()
    await rm(gone.path)
    await expectRefusal(await fetch(url), 410, 'This file no longer exists. Run the report again.\n')
    expect(gateway.logged).toContainEqual(
      expect.objectContaining({ fileId: gone.id, msg: 'Cannot send a file.' }),
    )
    expect((await fetch(await file.link())).status).toBe(200)
  })

  test('in the database is reported', async () => {
    const gone = await storeFile(gateway, account, content)
    const url = await gone.link()
    await gateway.prisma.reportRun.delete({ where: { id: gone.runId } })
    await expectRefusal(await fetch(url), 410, 'This file has been deleted.\n')
  })

  test('that never existed is reported, even with a valid signature', async () => {
    const signer = await createLinkSigner(gateway.prisma, gateway.url)
    const { url } = signer.sign('..%2fkeys.json', new Date(Date.now() + 60_000))
    await expectRefusal(await fetch(url), 410, 'This file has been deleted.\n')
  })
})

describe('a large file', () => {
  const mebibyte = 1024 * 1024
  const size = 64 * mebibyte
  let large: StoredTestFile
  beforeAll(async () => {
    large = await storeFile(gateway, account, Buffer.alloc(size, 'a line of it\n'))
  })

  afterEach(() => void vi.restoreAllMocks())

  /** Watches the reads of all files from now on. */
  const watchFiles = async () => {
    const probe = await open(large.path)
    await probe.close()
    const handles: FileHandle = Object.getPrototypeOf(probe)
    const reads = vi.spyOn(handles, 'read')
    return {
      reads,
      /** Which of the files that were read are open. */
      openFiles: () =>
        [...new Set(reads.mock.contexts)].filter(
          (file) => file instanceof Object && 'fd' in file && file.fd !== -1,
        ),
    }
  }

  /** Starts a download whose reader does not read. */
  const startStalled = async () => {
    const { reads, openFiles } = await watchFiles()
    const request = get(await large.link(), { agent: false })
    const response = await new Promise<IncomingMessage>((resolve) => void request.on('response', resolve))
    response.on('error', () => {})
    return { response, reads, readBytes: () => reads.mock.calls.length * (mebibyte / 2), openFiles }
  }

  test('waits for a stalled reader without buffering the file, and continues when the reader does', async () => {
    const { response, reads, readBytes } = await startStalled()
    let read = -1
    await vi.waitFor(
      () => {
        const before = read
        read = readBytes()
        expect(read).toBeGreaterThan(0)
        expect(read).toBe(before)
      },
      { interval: 200, timeout: 30_000 },
    )
    // Only the buffers of the two ends of the connection are filled.
    expect(read).toBeLessThan(size / 2)
    const bytes = await buffer(response)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(large.sha256)
    expect(readBytes()).toBe(size)
    // Memory does not grow with the file.
    expect(new Set(reads.mock.calls.map(([bytes]) => bytes)).size).toBe(1)
  })

  test('is closed when the reader disconnects', async () => {
    const { response, readBytes, openFiles } = await startStalled()
    expect(openFiles()).toHaveLength(1)
    response.destroy()
    await vi.waitFor(() => expect(openFiles()).toEqual([]), { timeout: 30_000 })
    expect(readBytes()).toBeLessThan(size)
  })

  test('is not opened before the responses to earlier requests on the connection have ended', async () => {
    const { openFiles } = await watchFiles()
    const { hostname, port, pathname, search } = new URL(await large.link())
    const socket = connect(Number(port), hostname)
    const request = (connection: string) =>
      `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: ${connection}\r\n\r\n`
    const found = vi.spyOn(fs, 'stat')
    socket.write(request('keep-alive').repeat(2) + request('close'))
    await vi.waitFor(() => expect(found).toHaveBeenCalledTimes(3), { timeout: 30_000 })
    await vi.waitFor(() => expect(openFiles()).toHaveLength(1), { timeout: 30_000 })
    let received = 0
    for await (const bytes of socket) received += bytes.length
    expect(received).toBeGreaterThan(3 * size)
    await vi.waitFor(() => expect(openFiles()).toEqual([]), { timeout: 30_000 })
  })

  test('that has become shorter breaks the connection instead of leaving the reader without an end', async () => {
    const { response } = await startStalled()
    await truncate(large.path, size / 2)
    await expect(buffer(response)).rejects.toThrow('aborted')
    expect(gateway.logged).toContainEqual(
      expect.objectContaining({ fileId: large.id, msg: 'Cannot send a file.' }),
    )
    await truncate(large.path, size)
  })

  test('can be resumed after an interruption', async () => {
    const response = await fetch(await large.link(), { headers: { range: `bytes=${size - mebibyte}-` } })
    expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([206, mebibyte])
  })
})

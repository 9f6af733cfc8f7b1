import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openBucket } from '../../../src/storage/s3/bucket.ts'
import { createS3Storage } from '../../../src/storage/s3/s3-storage.ts'
import { s3Credentials } from '../../support/s3-server.ts'

/** Starts a store that sends the beginning of a file and then nothing, until `cut` closes the connections. */
async function startHalfStore() {
  const open = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    response.writeHead(200, { 'Content-Length': '1000' })
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    open.add(response)
    response.once('close', () => open.delete(response))
    response.write('x'.repeat(200))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  // A server that listens on a port has an address of this form.
  const { port } = server.address() as AddressInfo
  const endpoint = `http://127.0.0.1:${port}`
  const options = { bucket: 'reports', region: 'us-east-1', prefix: '', forcePathStyle: true }
  const bucket = await openBucket({ ...options, endpoint })
  return {
    storage: createS3Storage(bucket),
    open,
    cut: () => server.closeAllConnections(),
    [Symbol.asyncDispose]: async () => {
      bucket.client.destroy()
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}

beforeAll(() => {
  for (const [name, value] of Object.entries(s3Credentials)) vi.stubEnv(name, value)
})
afterAll(() => vi.unstubAllEnvs())

test.each(['nothing', 'a part'])(
  'destroying the stream after reading %s closes the connection',
  async (what) => {
    await using store = await startHalfStore()
    const stream = await store.storage.read('a/file', { start: 0 })
    if (!stream) throw new Error('The file does not exist.')
    if (what === 'a part') {
      const chunks = stream[Symbol.asyncIterator]()
      expect((await chunks.next()).value).toHaveLength(200)
      // The store sends no second chunk.
      chunks.next().catch(() => {})
    }
    expect(store.open.size).toBe(1)
    stream.destroy()
    await expect.poll(() => store.open.size).toBe(0)
  },
)

test('a broken connection is reported to current and later readers', async () => {
  await using store = await startHalfStore()
  const open = () => store.storage.read('a/file', { start: 0 })
  const [reading, waiting] = await Promise.all([open(), open()])
  if (!reading || !waiting) throw new Error('The file does not exist.')
  const read = text(reading)
  await expect.poll(() => store.open.size).toBe(2)
  store.cut()
  await expect(read).rejects.toThrow('The file store failed')
  await expect(text(waiting)).rejects.toThrow('The file store failed')
})

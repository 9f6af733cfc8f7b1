import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openBucket } from '../../../src/storage/s3/bucket.ts'
import { createS3Storage } from '../../../src/storage/s3/s3-storage.ts'
import { s3Credentials } from '../../support/s3-server.ts'

/** A store that sends the beginning of a file and then nothing, until it cuts the connection. */
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
  // A server that listens at a port has such an address.
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
  'a file of which %s was read keeps no connection when nobody reads on',
  async (what) => {
    await using store = await startHalfStore()
    const stream = await store.storage.read('a/file', { start: 0 })
    if (!stream) throw new Error('There is no stream.')
    if (what === 'a part') {
      const chunks = stream[Symbol.asyncIterator]()
      expect((await chunks.next()).value).toHaveLength(200)
      // The store sends nothing for it.
      chunks.next().catch(() => {})
    }
    expect(store.open.size).toBe(1)
    stream.destroy()
    await expect.poll(() => store.open.size).toBe(0)
  },
)

test('a connection that breaks is told to whoever reads, also later', async () => {
  await using store = await startHalfStore()
  const open = () => store.storage.read('a/file', { start: 0 })
  const [reading, waiting] = await Promise.all([open(), open()])
  if (!reading || !waiting) throw new Error('There is no stream.')
  const read = text(reading)
  await expect.poll(() => store.open.size).toBe(2)
  store.cut()
  await expect(read).rejects.toThrow('The store of files failed')
  await expect(text(waiting)).rejects.toThrow('The store of files failed')
})

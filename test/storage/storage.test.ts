import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { createGzip, gunzipSync } from 'node:zlib'
import { CreateMultipartUploadCommand, S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ReportFile } from '../../src/postgres/generated/prisma/client.ts'
import { createLocalStorage } from '../../src/storage/local-storage.ts'
import { openBucket } from '../../src/storage/s3/bucket.ts'
import { createS3Links, createS3Storage } from '../../src/storage/s3/s3-storage.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { s3Credentials, startS3Server } from '../support/s3-server.ts'

type Store = AsyncDisposable & {
  storage: Storage
  /** Returns everything that takes space in the store, under any name. */
  files(): Promise<string[]>
  /** Leaves an incomplete file, as a killed worker does. */
  leaveIncomplete(key: string): Promise<void>
}

async function openLocal(): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  return {
    storage: createLocalStorage(folder),
    files: async () => {
      const found = await readdir(folder, { recursive: true, withFileTypes: true })
      return found.filter((entry) => entry.isFile()).map(({ name }) => name)
    },
    leaveIncomplete: async (key) => {
      const path = join(folder, `${key}.part`)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, 'half')
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

async function openS3(): Promise<Store> {
  for (const [name, value] of Object.entries(s3Credentials)) vi.stubEnv(name, value)
  const server = await startS3Server()
  const bucket = await openBucket(server.config)
  return {
    storage: createS3Storage(bucket),
    files: server.files,
    leaveIncomplete: async (key) => {
      const { client, locate } = bucket
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(locate(key)))
      await client.send(new UploadPartCommand({ ...locate(key), UploadId, PartNumber: 1, Body: 'half' }))
    },
    [Symbol.asyncDispose]: async () => {
      bucket.client.destroy()
      await server[Symbol.asyncDispose]()
    },
  }
}

const never = new AbortController().signal
const mebibyte = 1024 * 1024
/** More than two parts of an upload. */
const large = Buffer.alloc(11 * mebibyte, 'one line of a larger file\n')
function inPieces(bytes: Buffer, length = 99_991): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
    })(),
    { objectMode: false },
  )
}

describe.each([
  ['a folder', openLocal],
  ['a bucket', openS3],
])('%s', (_what, open) => {
  let store: Store
  let storage: Storage
  beforeAll(async () => {
    store = await open()
    storage = store.storage
  })
  afterAll(async () => {
    await store[Symbol.asyncDispose]()
    vi.unstubAllEnvs()
  })

  const put = (key: string, content: string) =>
    storage.write(key, [Readable.from([Buffer.from(content)])], never)
  const get = async (key: string, range = { start: 0 }): Promise<string | null> => {
    const stream = await storage.read(key, range)
    return stream && text(stream)
  }

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a few bytes', Buffer.from('id\n1\n')],
    ['exactly one part of an upload', large.subarray(0, 5 * mebibyte)],
    ['several parts', large],
  ])('stores %s, and returns size and hash', async (_length, bytes) => {
    const stored = await storage.write('a/test/frr_1/file_1', [inPieces(bytes)], never)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(stored).toEqual({ byteSize: BigInt(bytes.length), sha256 })
    expect(await storage.size('a/test/frr_1/file_1')).toBe(bytes.length)
    const stream = await storage.read('a/test/frr_1/file_1', { start: 0 })
    expect(stream && (await buffer(stream)).equals(bytes)).toBe(true)
  })

  test('stores the output of the last stage', async () => {
    const stages = [inPieces(large), createGzip(), new PassThrough()] as const
    const { byteSize } = await storage.write('a/test/frr_1/packed', stages, never)
    const stream = await storage.read('a/test/frr_1/packed', { start: 0 })
    const bytes = stream ? await buffer(stream) : Buffer.alloc(0)
    expect(bytes.length).toBe(Number(byteSize))
    expect(gunzipSync(bytes).equals(large)).toBe(true)
  })

  test.each([
    [{ start: 0, end: 2 }, 'ab'],
    [{ start: 2, end: 3 }, 'c'],
    [{ start: 3 }, 'def'],
    [{ start: 4, end: 100 }, 'ef'],
    [{ start: 6 }, ''],
    [{ start: 60, end: 70 }, ''],
    [{ start: 2, end: 2 }, ''],
  ])('returns the bytes of %j', async (range, expected) => {
    await put('a/test/frr_1/letters', 'abcdef')
    expect(await get('a/test/frr_1/letters', range)).toBe(expected)
  })

  test('replaces the content of a key', async () => {
    await put('a/test/frr_1/again', 'first')
    await put('a/test/frr_1/again', 'second')
    expect(await get('a/test/frr_1/again')).toBe('second')
  })

  test('reports that a file does not exist', async () => {
    expect(await storage.size('a/test/frr_1/nowhere')).toBeNull()
    expect(await storage.read('a/test/frr_1/nowhere', { start: 0 })).toBeNull()
    expect(await storage.size('a/test/frr_1')).toBeNull()
    expect(await storage.list('a/test/frr_nowhere')).toEqual([])
    await storage.remove('a/test/frr_nowhere')
  })

  test.each([0, 6 * mebibyte])('keeps nothing when the content fails after %i bytes', async (length) => {
    const before = await store.files()
    const breaking = Readable.from(
      (async function* () {
        yield large.subarray(0, length)
        throw new Error('The rows failed.')
      })(),
      { objectMode: false },
    )
    const writing = storage.write('a/test/frr_2/file_1', [breaking, new PassThrough()], never)
    await expect(writing).rejects.toThrow('The rows failed.')
    expect(await storage.size('a/test/frr_2/file_1')).toBeNull()
    expect(await storage.list('a/test/frr_2')).toEqual([])
    expect(await store.files()).toEqual(before)
  })

  test.each([0, 6 * mebibyte])('keeps nothing when it is aborted after %i bytes', async (length) => {
    const before = await store.files()
    const stopping = new AbortController()
    const stalled = new PassThrough({ highWaterMark: large.length })
    const writing = storage.write('a/test/frr_2/file_1', [stalled], stopping.signal)
    stalled.write(large.subarray(0, length))
    if (length > 0) await vi.waitFor(async () => expect(await store.files()).not.toEqual(before), 30_000)
    stopping.abort(new Error('Enough.'))
    await expect(writing).rejects.toThrow()
    expect(stalled.destroyed).toBe(true)
    expect(await storage.list('a/test/frr_2')).toEqual([])
    expect(await store.files()).toEqual(before)
  })

  test('does not show a file before it is complete', async () => {
    const content = new PassThrough()
    const writing = storage.write('a/test/frr_2/growing', [content], never)
    content.write(large.subarray(0, mebibyte))
    expect(await storage.size('a/test/frr_2/growing')).toBeNull()
    expect(await storage.read('a/test/frr_2/growing', { start: 0 })).toBeNull()
    content.end()
    await writing
    expect(await storage.size('a/test/frr_2/growing')).toBe(mebibyte)
  })

  test('lists and deletes the files of one folder, including incomplete ones', async () => {
    const before = await store.files()
    for (const key of ['a/test/frr_3/one', 'a/test/frr_3/two', 'a/test/frr_33/one']) await put(key, 'x')
    await store.leaveIncomplete('a/test/frr_3/half')
    await store.leaveIncomplete('a/test/frr_33/half')
    const listed = await storage.list('a/test/frr_3')
    expect(listed.toSorted()).toEqual([
      expect.stringMatching(/^a\/test\/frr_3\/half(\.part)?$/),
      'a/test/frr_3/one',
      'a/test/frr_3/two',
    ])
    await storage.remove('a/test/frr_3/one')
    expect(await storage.size('a/test/frr_3/one')).toBeNull()
    expect(await get('a/test/frr_3/two')).toBe('x')
    await storage.remove('a/test/frr_3')
    expect(await storage.list('a/test/frr_3')).toEqual([])
    expect(await storage.list('a/test/frr_33')).toHaveLength(2)
    for (const key of await storage.list('a/test/frr_33')) await storage.remove(key)
    expect(await store.files()).toEqual(before)
  })

  test('deletes an incomplete file by its key', async () => {
    const before = await store.files()
    await store.leaveIncomplete('a/test/frr_4/half')
    expect(await store.files()).not.toEqual(before)
    await storage.remove('a/test/frr_4/half')
    expect(await store.files()).toEqual(before)
  })

  test.each(['../outside', 'a/../../outside', '/etc/passwd', 'a//b', 'a b', ''])(
    'rejects the key "%s"',
    async (key) => {
      const refusal = /is not a valid storage key/
      await expect((async () => put(key, 'x'))()).rejects.toThrow(refusal)
      await expect((async () => storage.read(key, { start: 0 }))()).rejects.toThrow(refusal)
      await expect((async () => storage.remove(key))()).rejects.toThrow(refusal)
    },
  )
})

test('a link to a bucket expires with the credentials that sign it', async () => {
  const now = new Date('2026-09-01T00:00:00Z')
  const after = (seconds: number) => new Date(now.getTime() + seconds * 1000)
  const file: ReportFile = {
    id: 'file_1',
    accountId: 'acct_1',
    livemode: false,
    runId: 'frr_1',
    filename: 'a.csv',
    format: 'CSV',
    compression: 'NONE',
    rowCount: 1n,
    byteSize: 1n,
    sha256: '',
    createdAt: now,
  }
  const lifeOf = async (expiration?: Date) => {
    const credentials = { accessKeyId: 'id', secretAccessKey: 'key', ...(expiration && { expiration }) }
    const client = new S3Client({ region: 'eu', credentials })
    const locate = (Key: string) => ({ Bucket: 'reports', Key })
    const links = createS3Links({ client, place: 'the bucket', locate, keyOf: (key) => key }, () => now)
    const { url, expiresAt } = await links.link(file, after(300))
    return [Number(new URL(url).searchParams.get('X-Amz-Expires')), expiresAt]
  }
  expect(await lifeOf()).toEqual([300, after(300)])
  expect(await lifeOf(after(3600))).toEqual([300, after(300)])
  expect(await lifeOf(after(100.5))).toEqual([100, after(100)])
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { createGzip, createZstdCompress, gzipSync, zstdCompressSync } from 'node:zlib'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Compression, ReportFile, ReportFormat } from '../../../src/postgres/generated/prisma/client.ts'
import { keyOfFile } from '../../../src/storage/file.ts'
import { createLocalStorage } from '../../../src/storage/local-storage.ts'
import { type RowPage, readRows } from '../../../src/storage/rows/read-rows.ts'
import type { Row } from '../../../src/storage/rows/row-reader.ts'
import type { Storage } from '../../../src/storage/storage.ts'

const never = new AbortController().signal

let folder: string
let storage: Storage
/** Bytes that were read from the store since the start of the test. */
let bytesRead = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  const local = createLocalStorage(folder)
  storage = {
    ...local,
    read: async (key, range) => {
      const stream = await local.read(key, range)
      const counter = new PassThrough()
      counter.on('close', () => stream?.destroy())
      stream?.on('data', (chunk: Buffer) => {
        bytesRead += chunk.length
      })
      return stream ? stream.pipe(counter) : null
    },
  }
})
afterAll(() => rm(folder, { recursive: true }))
beforeEach(() => {
  bytesRead = 0
})

const compressors = {
  NONE: () => new PassThrough(),
  GZIP: () => createGzip(),
  ZSTD: () => createZstdCompress(),
} as const satisfies Record<Compression, unknown>

let files = 0
/** Stores a file, and returns its row as in the database. */
async function store(
  format: ReportFormat,
  content: string | Uint8Array,
  compression: Compression = 'NONE',
): Promise<ReportFile> {
  const run = { accountId: 'acct_1', livemode: false, runId: 'frr_1' }
  const id = `file_${files++}`
  const stages = [Readable.from([Buffer.from(content)]), compressors[compression]()] as const
  const stored = await storage.write(keyOfFile({ ...run, id }), stages, never)
  return { id, ...run, ...stored, filename: id, format, compression, rowCount: 0n, createdAt: new Date() }
}

async function page(
  file: ReportFile,
  first: number,
  after: string | null,
  rowCount: number,
): Promise<RowPage> {
  const found = await readRows(storage, [file], { first, after }, rowCount, never)
  if (!found) throw new Error('The file was deleted.')
  return found
}

/** Encodes a cursor of the file from a position, `ROW:OFFSET`. */
function cursorAt(file: ReportFile, position: string): string {
  return Buffer.from(`${file.id}:${position}`).toString('base64url')
}

/** Reads all rows, page by page. */
async function allRows(file: ReportFile, first: number, rowCount: number): Promise<Row[]> {
  const rows: Row[] = []
  let after: string | null = null
  while (true) {
    const { endCursor, hasNextPage, ...found } = await page(file, first, after, rowCount)
    rows.push(...found.rows)
    if (!hasNextPage) return rows
    after = endCursor
  }
}

const trickyRows: Row[] = [
  ['1', 'plain', null],
  ['2', '', 'empty text before'],
  ['3', 'a "quoted" word', 'line\nbreak'],
  ['4', 'CR\r\nLF', '😀𝕏é,;'],
  ['5', null, null],
  ['6', '"', ','],
]
function csvValue(value: string | null): string {
  return value === null ? '' : `"${value.replaceAll('"', '""')}"`
}
function csvOf(rows: Row[]): string {
  return [['id', 'text', 'more'], ...rows].map((row) => `${row.map(csvValue).join(',')}\n`).join('')
}
function jsonlOf(rows: Row[]): string {
  return rows.map(([id, text, more]) => `${JSON.stringify({ id, text, more })}\n`).join('')
}

describe.each([
  ['CSV', csvOf],
  ['JSONL', jsonlOf],
] as const)('rows of %s', (format, write) => {
  test.each(['NONE', 'GZIP', 'ZSTD'] as const)(
    'are the same with pages of any size and compression %s',
    async (compression) => {
      const file = await store(format, write(trickyRows), compression)
      for (const first of [1, 2, 5, 6, 500])
        expect(await allRows(file, first, trickyRows.length)).toEqual(trickyRows)
    },
  )

  test('are an empty page in a report without rows', async () => {
    const file = await store(format, write([]))
    expect(await page(file, 20, null, 0)).toEqual({
      rows: [],
      startCursor: null,
      endCursor: null,
      hasNextPage: false,
      hasPreviousPage: false,
    })
  })

  const long = Array.from({ length: 40_000 }, (_, i): Row => [String(i), 'x'.repeat(80), null])

  test.each(['NONE', 'GZIP', 'ZSTD'] as const)(
    'at the end of a large file are reached by reading little, with compression %s',
    async (compression) => {
      const file = await store(format, write(long), compression)
      const offset = Buffer.byteLength(write(long.slice(0, -100)))
      const after = cursorAt(file, `${long.length - 100}:${offset}`)
      bytesRead = 0
      const last = await page(file, 200, after, long.length)
      expect(last.rows).toEqual(long.slice(-100))
      expect(last.hasNextPage).toBe(false)
      const { byteSize } = file
      expect(bytesRead).toBeLessThan(compression === 'NONE' ? 20_000 : Number(byteSize) + 1)
      bytesRead = 0
      expect((await page(file, 10, null, long.length)).rows).toEqual(long.slice(0, 10))
      // The data in the reader's buffers when it stops.
      expect(bytesRead).toBeLessThan(400_000)
    },
  )

  test('are not read after a cursor that is not valid, and the error names the argument', async () => {
    const [file, other] = [await store(format, write(trickyRows)), await store(format, write(trickyRows))]
    const { endCursor } = await page(file, 2, null, trickyRows.length)
    const wrong = [
      '',
      'nonsense',
      cursorAt(file, '1'),
      cursorAt(file, '2:5'),
      cursorAt(file, '2:99999'),
      cursorAt(file, '7:1'),
      cursorAt(file, '-1:0'),
    ]
    for (const after of wrong) {
      const refusal = page(file, 2, after, trickyRows.length)
      await expect(refusal).rejects.toMatchObject({ name: 'InputError', path: ['after'] })
    }
    await expect(page(other, 2, endCursor, trickyRows.length)).rejects.toThrow(/is not a cursor of this file/)
  })

  test('are null when the file has been deleted', async () => {
    const file = await store(format, write(trickyRows))
    await storage.remove(keyOfFile(file))
    expect(await readRows(storage, [file], { first: 1, after: null }, 6, never)).toBeNull()
  })

  test('are not read after the signal aborts', async () => {
    const file = await store(format, write(trickyRows))
    const gone = AbortSignal.abort(new Error('Gone.'))
    await expect(readRows(storage, [file], { first: 1, after: null }, 6, gone)).rejects.toThrow('Gone.')
  })
})

test('a cursor to the middle of a row, after a line break in a value, is rejected', async () => {
  const file = await store('CSV', csvOf(trickyRows))
  const offset = csvOf(trickyRows.slice(0, 2)).length + '"3","a ""quoted"" word","line\n'.length
  const after = cursorAt(file, `2:${offset}`)
  await expect(page(file, 2, after, 6)).rejects.toThrow(/is not a cursor of this file/)
  // The rest of the line would be a row with a null.
  const narrow = await store('CSV', '"id"\n"1"\n"2"\n')
  const endOfLine = cursorAt(narrow, `1:${'"id"\n"1"'.length}`)
  await expect(page(narrow, 1, endOfLine, 2)).rejects.toThrow(/is not a cursor of this file/)
})

test('JSON numbers keep their digits, and other values are formatted as text', async () => {
  const line =
    '{"a":12345678901234567890,"b":1.10,"c":true,"d":null,"e":{"k":"v"},"f":"2026-01-01T00:00:00Z"}\n'
  const file = await store('JSONL', line)
  expect((await page(file, 1, null, 1)).rows).toEqual([
    ['12345678901234567890', '1.10', 'true', null, '{"k":"v"}', '2026-01-01T00:00:00Z'],
  ])
})

test('the CSV file of a run is read, and without one the JSONL file', async () => {
  const csv = await store('CSV', csvOf([['csv', null, null]]))
  const jsonl = await store('JSONL', jsonlOf([['jsonl', null, null]]))
  const firstOf = async (stored: ReportFile[]) =>
    (await readRows(storage, stored, { first: 1, after: null }, 1, never))?.rows[0]?.[0]
  expect(await firstOf([jsonl, csv])).toBe('csv')
  expect(await firstOf([jsonl])).toBe('jsonl')
  expect(await firstOf([])).toBeUndefined()
})

describe('rows of Parquet', () => {
  const count = 20_000
  const write = (codec: 'GZIP' | 'ZSTD' | 'UNCOMPRESSED'): Uint8Array =>
    new Uint8Array(
      parquetWriteBuffer({
        rowGroupSize: 1_000,
        codec,
        compressors: { GZIP: (bytes) => gzipSync(bytes), ZSTD: (bytes) => zstdCompressSync(bytes) },
        schema: [
          { name: 'root', num_children: 6 },
          { name: 'id', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
          {
            name: 'amount',
            type: 'INT64',
            converted_type: 'DECIMAL',
            precision: 18,
            scale: 3,
            repetition_type: 'OPTIONAL',
          },
          { name: 'units', type: 'INT64', repetition_type: 'REQUIRED' },
          { name: 'at', type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', repetition_type: 'REQUIRED' },
          { name: 'day', type: 'INT32', converted_type: 'DATE', repetition_type: 'REQUIRED' },
          { name: 'paid', type: 'BOOLEAN', repetition_type: 'REQUIRED' },
        ],
        columnData: [
          { name: 'id', data: Array.from({ length: count }, (_, i) => `row ${i} 😀`) },
          { name: 'amount', data: Array.from({ length: count }, (_, i) => (i % 2 ? null : -0.005 * i)) },
          { name: 'units', data: Array.from({ length: count }, () => 9_007_199_254_740_993n) },
          { name: 'at', data: Array.from({ length: count }, () => new Date('2026-01-02T03:04:05Z')) },
          { name: 'day', data: Array.from({ length: count }, () => new Date('2026-01-02')) },
          { name: 'paid', data: Array.from({ length: count }, (_, i) => i % 3 === 0) },
        ],
      }),
    )

  test.each(['UNCOMPRESSED', 'GZIP', 'ZSTD'] as const)(
    'are read from their row groups only, with codec %s',
    async (codec) => {
      const file = await store('PARQUET', write(codec))
      const common = ['9007199254740993', '2026-01-02T03:04:05.000Z', '2026-01-02'] as const
      const { rows, hasNextPage, endCursor } = await page(file, 2, null, count)
      expect(rows).toEqual([
        ['row 0 😀', '0.000', ...common, 'true'],
        ['row 1 😀', null, ...common, 'false'],
      ])
      expect(hasNextPage).toBe(true)
      expect((await page(file, 1, endCursor, count)).rows).toEqual([
        ['row 2 😀', '-0.010', ...common, 'false'],
      ])

      const after = cursorAt(file, `${count - 2}:0`)
      bytesRead = 0
      const last = await page(file, 500, after, count)
      expect(last.rows.map(([id]) => id)).toEqual([`row ${count - 2} 😀`, `row ${count - 1} 😀`])
      expect(last.hasNextPage).toBe(false)
      expect(bytesRead).toBeLessThan(64 * 1024 + Number(file.byteSize) / 10)
    },
  )
})

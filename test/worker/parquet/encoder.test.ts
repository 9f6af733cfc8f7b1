import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ColumnValue } from '../../../src/reports/column.ts'
import { createParquetEncoder } from '../../../src/worker/parquet/encoder.ts'
import { readParquet } from '../../support/read-parquet.ts'

function int(bytes: number, value: number | bigint): Buffer {
  const buffer = Buffer.alloc(8)
  buffer.writeBigInt64BE(BigInt(value))
  return buffer.subarray(8 - bytes)
}

/** The output of `COPY … (format binary)`, according to its documentation. */
function copyOf(rows: readonly (readonly (Buffer | null)[])[]): Buffer {
  return Buffer.concat([
    Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'),
    int(8, 0),
    ...rows.flatMap((fields) => [
      int(2, fields.length),
      ...fields.flatMap((field) => (field ? [int(4, field.length), field] : [int(4, -1)])),
    ]),
    int(2, -1),
  ])
}

function encode(kind: ColumnValue['kind'], chunks: readonly Uint8Array[]) {
  const encoder = createParquetEncoder([{ name: 'value', kind }], 'ZSTD')
  const file = Buffer.concat([...chunks.map((chunk) => encoder.take(chunk)), encoder.end()])
  return { rows: encoder.rows(), file }
}
function valuesOf(file: Uint8Array): unknown[] {
  return readParquet(file).rows.map(({ value }) => value)
}

describe('rows from Postgres', () => {
  test('are read wherever the chunks are split', () => {
    const texts = fc.array(fc.option(fc.string({ unit: 'grapheme' })), { maxLength: 20 })
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 })
    fc.assert(
      fc.property(texts, cuts, (given, sizes) => {
        const bytes = copyOf(given.map((text) => [text === null ? null : Buffer.from(text)]))
        const chunks: Uint8Array[] = []
        for (let at = 0; at < bytes.length; ) {
          const end = at + (sizes[chunks.length % sizes.length] ?? 1)
          chunks.push(bytes.subarray(at, end))
          at = end
        }
        const { rows, file } = encode('text', chunks)
        expect(rows).toBe(given.length)
        expect(valuesOf(file)).toEqual(given)
      }),
      { numRuns: 50 },
    )
  })

  test('are rejected when they are incomplete', () => {
    const bytes = copyOf([[Buffer.from('one')], [Buffer.from('two')]])
    for (const missing of [1, 2, 3, 20, bytes.length - 5, bytes.length]) {
      const cut = bytes.subarray(0, bytes.length - missing)
      expect(() => encode('text', [cut])).toThrow('The rows from Postgres are incomplete.')
    }
  })

  test('of many long values are written before all have arrived', () => {
    const encoder = createParquetEncoder([{ name: 'value', kind: 'text' }], 'NONE')
    const long = copyOf(Array.from({ length: 9 }, (_, i) => [Buffer.alloc(1024 * 1024, `${i}`)]))
    expect(encoder.take(long).length).toBeGreaterThan(4_000)
  })
})

describe('a value', () => {
  test.each([
    ['amount', '999999999999999.999', '999999999999999.999'],
    ['amount', '-999999999999999.99900', '-999999999999999.999'],
    ['amount', '-0.01', '-0.010'],
    ['decimal', `-${'9'.repeat(20)}.${'9'.repeat(18)}`, `-${'9'.repeat(20)}.${'9'.repeat(18)}`],
    ['decimal', '0', '0.000000000000000000'],
  ] as const)('of kind %s is exact: %s', (kind, given, read) => {
    expect(valuesOf(encode(kind, [copyOf([[Buffer.from(given)]])]).file)).toEqual([read])
  })

  test.each([
    ['amount', Buffer.from('1000000000000000'), "1000000000000000, which Parquet's DECIMAL(18, 3)"],
    ['amount', Buffer.from('0.0001'), '0.0001, which'],
    ['decimal', Buffer.from('NaN'), "NaN, which Parquet's DECIMAL(38, 18)"],
    ['decimal', Buffer.from('-Infinity'), '-Infinity, which'],
    ['decimal', Buffer.from('9'.repeat(100)), `${'9'.repeat(60)}…, which`],
    ['date', int(4, 2 ** 31 - 1), "infinity, which Parquet's DATE"],
    ['instant', int(8, -(2n ** 63n)), "infinity, which Parquet's TIMESTAMP"],
  ] as const)('of kind %s that Parquet cannot represent is rejected: %s', (kind, bytes, message) => {
    expect(() => encode(kind, [copyOf([[bytes]])])).toThrow(`The column "value" holds ${message}`)
  })
})

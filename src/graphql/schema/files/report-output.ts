import { Temporal } from 'temporal-polyfill'
import type {
  Compression as CompressionValue,
  ReportFormat as ReportFormatValue,
  ReportRun as ReportRunRow,
} from '../../../postgres/generated/prisma/client.ts'
import { builder, describedEnum } from '../../builder.ts'
import { toDuration } from '../../scalars.ts'

export const ReportFormat = describedEnum<ReportFormatValue>('ReportFormat', 'The formats of report files.', {
  CSV: 'Comma-separated values (RFC 4180) in UTF-8, with a header and LF line endings. A null is an empty field without quotes. Text that a spreadsheet would run as a formula is prefixed with an apostrophe. `decimal_separator` applies.',
  JSONL:
    'JSON Lines in UTF-8: one JSON object per line, with every column in order, including those that are null. INTEGER is a number, which may need 64 bits. DECIMAL is a string with a point, so that no digit is lost. TIMESTAMP is an RFC 3339 string with the offset of its timezone. DATE is a string YYYY-MM-DD. TIMESTAMP and DATE can also be infinity or -infinity. BOOLEAN is true or false. Text is exactly as stored, and `decimal_separator` has no effect.',
  PARQUET:
    'Apache Parquet, in row groups of at most 5,000 rows. Every column is nullable. INTEGER is INT64. DECIMAL is DECIMAL(18, 3) for amounts of money, otherwise DECIMAL(38, 18). Values are never rounded: a run with a value that does not fit fails. TIMESTAMP has microseconds and is in UTC, whatever the timezone. DATE and BOOLEAN are the Parquet types of that name. Text is exactly as stored, and `decimal_separator` has no effect.',
})

export const Compression = describedEnum<CompressionValue>(
  'Compression',
  'The compressions of report files. CSV and JSONL files are compressed as a whole. Parquet files are compressed internally, so that Parquet readers can open them.',
  { NONE: 'No compression.', GZIP: 'Gzip (RFC 1952).', ZSTD: 'Zstandard (RFC 8878).' },
)

const defaults = {
  formats: ['CSV'],
  compression: 'NONE',
  byteOrderMark: false,
  retention: Temporal.Duration.from('P30D'),
} as const

export const ReportOutput = builder
  .objectRef<Pick<ReportRunRow, 'formats' | 'compression' | 'byteOrderMark' | 'retentionMilliseconds'>>(
    'ReportOutput',
  )
  .implement({
    description: 'How the result of a run is written, and how long its files are kept.',
    fields: (t) => ({
      formats: t.expose('formats', {
        type: [ReportFormat],
        description: 'The formats of the result, one file for each.',
      }),
      compression: t.expose('compression', {
        type: Compression,
        description: 'The compression of each file.',
      }),
      byteOrderMark: t.exposeBoolean('byteOrderMark', {
        description: 'True when CSV files begin with a byte order mark (U+FEFF).',
      }),
      retention: t.field({
        type: 'Duration',
        description: 'How long the files are kept after the run has ended.',
        resolve: ({ retentionMilliseconds }) => toDuration(Number(retentionMilliseconds)),
      }),
    }),
  })

export const ReportOutputInput = builder.inputType('ReportOutputInput', {
  description: 'How to write the result of a run, and how long to keep its files.',
  fields: (t) => ({
    formats: t.field({
      type: [ReportFormat],
      required: true,
      defaultValue: [...defaults.formats],
      description:
        'The formats to write, one file for each. All files are written from one snapshot of the data. Duplicates are ignored.',
    }),
    compression: t.field({
      type: Compression,
      required: true,
      defaultValue: defaults.compression,
      description: 'The compression of each file.',
    }),
    byteOrderMark: t.boolean({
      required: true,
      defaultValue: defaults.byteOrderMark,
      description:
        'True to begin CSV files with a byte order mark (U+FEFF), from which Excel recognizes UTF-8 when it opens a file by a double click. Other formats never have one, so the formats must include CSV.',
    }),
    retention: t.field({
      type: 'Duration',
      required: true,
      defaultValue: defaults.retention,
      description: 'How long to keep the files after the run has ended, from PT1S to P3660D.',
    }),
  }),
})

type OutputValue = typeof ReportOutputInput.$inferInput

/** Converts an output to the form that commands accept. The defaults apply when the output is omitted. */
export function readOutput(given: OutputValue | null | undefined) {
  const { formats, compression, byteOrderMark, retention } = given ?? defaults
  return { formats, compression, byteOrderMark, retention }
}

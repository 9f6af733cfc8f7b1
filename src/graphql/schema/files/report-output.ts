import { Temporal } from 'temporal-polyfill'
import type {
  Compression as CompressionValue,
  ReportFormat as ReportFormatValue,
  ReportRun as ReportRunRow,
} from '../../../postgres/generated/prisma/client.ts'
import { builder, describedEnum } from '../../builder.ts'
import { toDuration, toMilliseconds } from '../../scalars.ts'

export const ReportFormat = describedEnum<ReportFormatValue>('ReportFormat', 'File formats.', {
  CSV: 'RFC 4180 with a header, UTF-8, LF at the end of lines; null is an empty field without quotes. For spreadsheets: text that one would run as a formula has an apostrophe before it, and `decimal_separator` is kept to.',
  JSONL:
    'One JSON object a line (JSON Lines), UTF-8, with every column in order and null for null. INTEGER is a number, which may need 64 bits; DECIMAL is a string with a point, so that no digit is lost; TIMESTAMP is a string as in RFC 3339 with the offset of its timezone; DATE is YYYY-MM-DD, and either may be infinity or -infinity; BOOLEAN is true or false. Text is exactly what was stored, and `decimal_separator` has no effect.',
  PARQUET:
    "Apache Parquet, in row groups of at most 5,000 rows; every column may be null. INTEGER is INT64; DECIMAL is DECIMAL(18, 3) for amounts of money, else DECIMAL(38, 18), and never rounded: a run with a value that does not fit fails; TIMESTAMP is one of microseconds in UTC, whatever the timezone; DATE and BOOLEAN are Parquet's own. Text is exactly what was stored, and `decimal_separator` has no effect.",
})

export const Compression = describedEnum<CompressionValue>(
  'Compression',
  'How a file is compressed: around the whole file, but inside of a Parquet file, so that its readers can open it.',
  { NONE: 'Not at all.', GZIP: 'RFC 1952.', ZSTD: 'RFC 8878.' },
)

const defaults = {
  formats: ['CSV'],
  compression: 'NONE',
  retention: Temporal.Duration.from('P30D'),
} as const

export const ReportOutput = builder
  .objectRef<Pick<ReportRunRow, 'formats' | 'compression' | 'retentionMilliseconds'>>('ReportOutput')
  .implement({
    description: 'How a result is written and how long it is kept.',
    fields: (t) => ({
      formats: t.expose('formats', { type: [ReportFormat], description: 'Formats, one file for each.' }),
      compression: t.expose('compression', {
        type: Compression,
        description: 'How each file is compressed.',
      }),
      retention: t.field({
        type: 'Duration',
        description: 'How long after the end of the run the files are kept.',
        resolve: ({ retentionMilliseconds }) => toDuration(Number(retentionMilliseconds)),
      }),
    }),
  })

export const ReportOutputInput = builder.inputType('ReportOutputInput', {
  description: 'How the result is written and how long it is kept.',
  fields: (t) => ({
    formats: t.field({
      type: [ReportFormat],
      required: true,
      defaultValue: [...defaults.formats],
      description:
        'One file is written for each, all of one snapshot; one that is named twice is written once.',
    }),
    compression: t.field({
      type: Compression,
      required: true,
      defaultValue: defaults.compression,
      description: 'How each file is compressed.',
    }),
    retention: t.field({
      type: 'Duration',
      required: true,
      defaultValue: defaults.retention,
      description: 'How long after the end the files are kept, PT1S to P3660D.',
    }),
  }),
})

type OutputValue = typeof ReportOutputInput.$inferInput

/** An output as commands take it, with the defaults for one that is absent. */
export function readOutput(given: OutputValue | null | undefined) {
  const { formats, compression, retention } = given ?? defaults
  return { formats, compression, retention: toMilliseconds(retention) }
}

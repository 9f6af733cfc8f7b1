import { GraphQLError } from 'graphql'
import { Temporal } from 'temporal-polyfill'
import { keyOfFile } from '../../../storage/file.ts'
import type { SignedLink } from '../../../storage/link.ts'
import { tenantOf } from '../../../tenant.ts'
import { builder } from '../../builder.ts'
import { requireViewer } from '../../context.ts'

export const ReportFormat = builder.enumType('ReportFormat', {
  description: 'File formats.',
  values: {
    CSV: {
      description:
        'RFC 4180 with a header, UTF-8, LF at the end of lines; null is an empty field without quotes. For spreadsheets: text that one would run as a formula has an apostrophe before it, and `decimal_separator` is kept to.',
    },
    JSONL: {
      description:
        'One JSON object a line (JSON Lines), UTF-8, with every column in order and null for null. INTEGER is a number, which may need 64 bits; DECIMAL is a string with a point, so that no digit is lost; TIMESTAMP is a string as in RFC 3339 with the offset of its timezone; DATE is YYYY-MM-DD, and either may be infinity or -infinity; BOOLEAN is true or false. Text is exactly what was stored, and `decimal_separator` has no effect.',
    },
    PARQUET: {
      description:
        "Apache Parquet, in row groups of at most 5,000 rows; every column may be null. INTEGER is INT64; DECIMAL is DECIMAL(18, 3) for amounts of money, else DECIMAL(38, 18), and never rounded: a run with a value that does not fit fails; TIMESTAMP is one of microseconds in UTC, whatever the timezone; DATE and BOOLEAN are Parquet's own. Text is exactly what was stored, and `decimal_separator` has no effect.",
    },
  },
})

export const Compression = builder.enumType('Compression', {
  description:
    'How a file is compressed: around the whole file, but inside of a Parquet file, so that its readers can open it.',
  values: {
    NONE: { description: 'Not at all.' },
    GZIP: { description: 'RFC 1952.' },
    ZSTD: { description: 'RFC 8878.' },
  },
})

const SignedUrl = builder.objectRef<SignedLink>('SignedUrl').implement({
  description: 'A link that needs no other proof: whoever has it can read the file.',
  fields: (t) => ({
    url: t.field({
      type: 'URL',
      description: 'Fetch it with GET; ranges are supported.',
      resolve: ({ url }) => url,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'The link is dead from then on.',
      resolve: ({ expiresAt }) => expiresAt,
    }),
  }),
})

const longestLife = Temporal.Duration.from('PT1H')

function checkLife(life: Temporal.Duration): number {
  // Months and years have no fixed length, so they cannot be counted; they are too long in any case.
  const isCountable = life.years === 0 && life.months === 0 && life.weeks === 0
  const milliseconds = isCountable ? life.total('milliseconds') : Number.POSITIVE_INFINITY
  if (milliseconds >= 1000 && milliseconds <= longestLife.total('milliseconds')) return milliseconds
  throw new GraphQLError(`expiresIn is ${life}; it has to be from PT1S to ${longestLife}.`, {
    extensions: { code: 'BAD_USER_INPUT' },
  })
}

export const ReportFile = builder.prismaNode('ReportFile', {
  description: "One file of a run's result.",
  id: { field: 'id', description: 'Global id of the file.' },
  nullable: true,
  findUnique: (id, context) => ({ id, ...tenantOf(requireViewer(context)) }),
  fields: (t) => ({
    filename: t.exposeString('filename', { description: 'Suggested file name.' }),
    format: t.expose('format', { type: ReportFormat, description: 'Format of the file.' }),
    compression: t.expose('compression', { type: Compression, description: 'How it is compressed.' }),
    rowCount: t.expose('rowCount', { type: 'BigInt', description: 'Rows in the file, without a header.' }),
    byteSize: t.expose('byteSize', { type: 'BigInt', description: 'Size in bytes, as stored.' }),
    sha256: t.exposeString('sha256', { description: 'SHA-256 of the bytes as stored, 64 hex digits.' }),
    download: t.field({
      type: SignedUrl,
      nullable: true,
      description: 'A link to the file, made anew at each read; null when the file has been erased.',
      args: {
        expiresIn: t.arg({
          type: 'Duration',
          defaultValue: Temporal.Duration.from('PT5M'),
          description: 'How long the link works, from PT1S to PT1H.',
        }),
      },
      resolve: async (file, { expiresIn }, { links, storage, now }) => {
        const life = checkLife(expiresIn ?? Temporal.Duration.from('PT5M'))
        if ((await storage.size(keyOfFile(file))) === null) return null
        return links.link(file, new Date(now().getTime() + life))
      },
    }),
  }),
})

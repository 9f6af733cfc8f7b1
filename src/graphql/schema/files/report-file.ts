import { Temporal } from 'temporal-polyfill'
import { keyOfFile } from '../../../storage/file.ts'
import type { SignedLink } from '../../../storage/link.ts'
import { tenantOf } from '../../../tenant.ts'
import { builder } from '../../builder.ts'
import { requireViewer } from '../../context.ts'
import { badUserInput } from '../../errors.ts'
import { toMilliseconds } from '../../scalars.ts'
import { Compression, ReportFormat } from './report-output.ts'

const defaultLife = Temporal.Duration.from('PT5M')
const maxLife = Temporal.Duration.from('PT1H')

const SignedUrl = builder.objectRef<SignedLink>('SignedUrl').implement({
  description: 'A link that needs no other proof: whoever has it can read the file.',
  fields: (t) => ({
    url: t.expose('url', { type: 'URL', description: 'Fetch it with GET; ranges are supported.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'The link is dead from then on.' }),
  }),
})

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
      description: 'A link to the file, made anew at each read; null when the file has been deleted.',
      args: {
        expiresIn: t.arg({
          type: 'Duration',
          defaultValue: defaultLife,
          description: 'How long the link works, from PT1S to PT1H.',
        }),
      },
      resolve: async (file, { expiresIn }, { links, storage, now }) => {
        const life = readLife(expiresIn ?? defaultLife)
        if ((await storage.size(keyOfFile(file))) === null) return null
        return links.link(file, new Date(now().getTime() + life))
      },
    }),
  }),
})

function readLife(life: Temporal.Duration): number {
  const milliseconds = toMilliseconds(life)
  if (milliseconds >= 1000 && milliseconds <= toMilliseconds(maxLife)) return milliseconds
  throw badUserInput(`expiresIn is ${life}; it must be from PT1S to ${maxLife}.`, 'expiresIn')
}

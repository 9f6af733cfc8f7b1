import { Temporal } from 'temporal-polyfill'
import { durationError, toMilliseconds } from '../../../runs/create/duration.ts'
import { keyOfFile } from '../../../storage/file.ts'
import type { SignedLink } from '../../../storage/link.ts'
import { tenantOf } from '../../../tenant.ts'
import { builder } from '../../builder.ts'
import { requireViewer } from '../../context.ts'
import { namingArguments } from '../../errors.ts'
import { costExtension } from '../../plugins/document-cost.ts'
import { Compression, ReportFormat } from './report-output.ts'

const defaultLife = Temporal.Duration.from('PT5M')
const lifeBounds = { min: Temporal.Duration.from('PT1S'), max: Temporal.Duration.from('PT1H') }

/** The file is looked up, and the link is signed. */
const linkCost = 20

const SignedUrl = builder.objectRef<SignedLink>('SignedUrl').implement({
  description: 'A link that gives access to a file without an API key. Keep it secret.',
  fields: (t) => ({
    url: t.expose('url', {
      type: 'URL',
      description: 'The URL to download the file with GET. Range requests are supported.',
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When the link expires.' }),
  }),
})

export const ReportFile = builder.prismaNode('ReportFile', {
  description: 'A file of the result of a run.',
  id: { field: 'id', description: 'The global ID of the file.' },
  nullable: true,
  findUnique: (id, context) => ({ id, ...tenantOf(requireViewer(context)) }),
  fields: (t) => ({
    filename: t.exposeString('filename', { description: 'The suggested file name.' }),
    format: t.expose('format', { type: ReportFormat, description: 'The format of the file.' }),
    compression: t.expose('compression', { type: Compression, description: 'The compression of the file.' }),
    rowCount: t.expose('rowCount', {
      type: 'BigInt',
      description: 'The number of rows in the file, without the header.',
    }),
    byteSize: t.expose('byteSize', { type: 'BigInt', description: 'The size of the stored file, in bytes.' }),
    sha256: t.exposeString('sha256', {
      description: 'The SHA-256 hash of the stored file, as 64 hexadecimal digits.',
    }),
    download: t.field({
      type: SignedUrl,
      nullable: true,
      description: 'A new link to the file. Null when the file has been deleted.',
      extensions: { [costExtension]: linkCost },
      args: {
        expiresIn: t.arg({
          type: 'Duration',
          defaultValue: defaultLife,
          description: 'How long the link is valid, from PT1S to PT1H.',
        }),
      },
      resolve: async (file, { expiresIn }, { links, storage, now }) => {
        const life = await namingArguments(() => readLife(expiresIn ?? defaultLife))
        if ((await storage.size(keyOfFile(file))) === null) return null
        return links.link(file, new Date(now().getTime() + life))
      },
    }),
  }),
})

function readLife(life: Temporal.Duration): number {
  const error = durationError('expiresIn', life, lifeBounds)
  if (error) throw error
  return toMilliseconds(life)
}

import type { ReportRun as ReportRunRow } from '../../../postgres/generated/prisma/client.ts'
import { cancelRun } from '../../../runs/lifecycle/cancel-run.ts'
import { eraseRun } from '../../../runs/lifecycle/erase-run.ts'
import { updateRun } from '../../../runs/lifecycle/update-run.ts'
import { builder } from '../../builder.ts'
import { requireViewer } from '../../context.ts'
import { toUserErrors, UserError, type UserErrorValue } from '../user-errors.ts'
import { ReportRun } from './report-run.ts'

type Payload = { reportRun: ReportRunRow | null; userErrors: UserErrorValue[] }

function payloadOf(name: 'CancelReportRunPayload' | 'UpdateReportRunPayload', mutation: string) {
  return builder.objectRef<Payload>(name).implement({
    description: `Payload of ${mutation}.`,
    fields: (t) => ({
      reportRun: t.expose('reportRun', {
        type: ReportRun,
        nullable: true,
        description: 'The run as it is now; null only with userErrors.',
      }),
      userErrors: t.expose('userErrors', {
        type: [UserError],
        description: 'What was wrong; then nothing was changed.',
      }),
    }),
  })
}

const CancelReportRunPayload = payloadOf('CancelReportRunPayload', 'cancelReportRun')
const UpdateReportRunPayload = payloadOf('UpdateReportRunPayload', 'updateReportRun')

const DeleteReportRunPayload = builder
  .objectRef<{ deletedId: string | null; userErrors: UserErrorValue[] }>('DeleteReportRunPayload')
  .implement({
    description: 'Payload of deleteReportRun.',
    fields: (t) => ({
      deletedId: t.exposeID('deletedId', {
        nullable: true,
        description: 'Global id of the run that was erased; null only with userErrors.',
      }),
      userErrors: t.expose('userErrors', {
        type: [UserError],
        description: 'What was wrong; then nothing was erased.',
      }),
    }),
  })

const ReportRunPatch = builder.inputType('ReportRunPatch', {
  description: 'What to change of a run; what is absent stays as it is.',
  fields: (t) => ({
    label: t.string({ description: 'New label, at most 255 characters; null takes it away.' }),
    tags: t.stringList({ description: 'Replaces all tags: at most 10 of at most 50 characters.' }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Replaces all metadata: at most 50 texts of at most 500 characters.',
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'New time for the files to be erased, in the future; only for a run that has ended.',
    }),
  }),
})

builder.mutationField('cancelReportRun', (t) =>
  t.field({
    type: CancelReportRunPayload,
    nullable: true,
    description: 'Asks a queued or running run to stop. A run that has ended is left as it is.',
    args: {
      id: t.arg.id({ required: true, description: 'Global id of the run to stop.' }),
      reason: t.arg.string({ description: 'Why, at most 500 characters; kept with the run.' }),
    },
    resolve: async (_root, { id, reason }, context): Promise<Payload> => {
      try {
        const reportRun = await cancelRun(context, requireViewer(context), id, reason ?? null)
        return { reportRun, userErrors: [] }
      } catch (error) {
        return { reportRun: null, userErrors: toUserErrors(error) }
      }
    },
  }),
)

builder.mutationField('updateReportRun', (t) =>
  t.field({
    type: UpdateReportRunPayload,
    nullable: true,
    description: 'Changes what a run is called and how long its files are kept.',
    args: {
      id: t.arg.id({ required: true, description: 'Global id of the run to change.' }),
      patch: t.arg({ type: ReportRunPatch, required: true, description: 'What to change.' }),
    },
    resolve: async (_root, { id, patch }, context): Promise<Payload> => {
      try {
        const { label, tags, metadata, expiresAt } = patch
        const reportRun = await updateRun(context, requireViewer(context), id, {
          label,
          tags: tags ?? undefined,
          metadata: metadata ?? undefined,
          expiresAt: expiresAt ?? undefined,
        })
        return { reportRun, userErrors: [] }
      } catch (error) {
        const pathOf = (path: readonly string[]) => (path[0] === 'id' ? path : ['patch', ...path])
        return { reportRun: null, userErrors: toUserErrors(error, pathOf) }
      }
    },
  }),
)

builder.mutationField('deleteReportRun', (t) =>
  t.field({
    type: DeleteReportRunPayload,
    nullable: true,
    description:
      'Erases a run that has ended, with its files. It is seen no more; only a row for audit stays in the database.',
    args: { id: t.arg.id({ required: true, description: 'Global id of the run to erase.' }) },
    resolve: async (_root, { id }, context) => {
      try {
        await eraseRun(context, requireViewer(context), id)
        return { deletedId: id, userErrors: [] }
      } catch (error) {
        return { deletedId: null, userErrors: toUserErrors(error) }
      }
    },
  }),
)

import type { ReportRun as ReportRunRow } from '../../../postgres/generated/prisma/client.ts'
import { cancelRun } from '../../../runs/lifecycle/cancel.ts'
import { eraseRun } from '../../../runs/lifecycle/erase.ts'
import { updateRun } from '../../../runs/lifecycle/update.ts'
import { builder } from '../../builder.ts'
import { deletion, mutation, payload } from '../../mutation.ts'
import { ReportRun } from './report-run.ts'

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

mutation('cancelReportRun', {
  type: changePayload('CancelReportRunPayload', 'cancelReportRun'),
  description: 'Asks a queued or running run to stop. A run that has ended is left as it is.',
  args: (arg) => ({
    id: arg.id({ required: true, description: 'Global id of the run to stop.' }),
    reason: arg.string({ description: 'Why, at most 500 characters; kept with the run.' }),
  }),
  run: ({ id, reason }, context, viewer) => cancelRun(context, viewer, id, reason ?? null),
})

mutation('updateReportRun', {
  type: changePayload('UpdateReportRunPayload', 'updateReportRun'),
  description: 'Changes what a run is called and how long its files are kept.',
  args: (arg) => ({
    id: arg.id({ required: true, description: 'Global id of the run to change.' }),
    patch: arg({ type: ReportRunPatch, required: true, description: 'What to change.' }),
  }),
  run: ({ id, patch: { label, tags, metadata, expiresAt } }, context, viewer) =>
    updateRun(context, viewer, id, {
      label,
      tags: tags ?? undefined,
      metadata: metadata ?? undefined,
      expiresAt: expiresAt ?? undefined,
    }),
  pathOf: (path) => (path[0] === 'id' ? path : ['patch', ...path]),
})

deletion('deleteReportRun', {
  object: 'run',
  verb: 'erase',
  description:
    'Erases a run that has ended, with its files. It is seen no more; only a row for audit stays in the database.',
  remove: eraseRun,
})

function changePayload(name: string, mutationName: string) {
  return payload<ReportRunRow>(name, {
    description: `Payload of ${mutationName}.`,
    fields: (t) => ({
      reportRun: t.expose('result', {
        type: ReportRun,
        nullable: true,
        description: 'The run as it is now; null only with userErrors.',
      }),
    }),
    userErrors: 'What was wrong; then nothing was changed.',
  })
}

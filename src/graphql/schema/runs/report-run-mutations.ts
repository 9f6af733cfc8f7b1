import type { ReportRun as ReportRunRow } from '../../../postgres/generated/prisma/client.ts'
import { cancelRun } from '../../../runs/lifecycle/cancel.ts'
import { deleteRun } from '../../../runs/lifecycle/delete-run.ts'
import { updateRun } from '../../../runs/lifecycle/update.ts'
import type { FieldBuilder } from '../../builder.ts'
import { deletion, mutation, type Outcome } from '../../mutation.ts'
import { ReportRun } from './report-run.ts'

mutation('cancelReportRun', {
  description: 'Requests the cancellation of a queued or running run. A run that has ended stays unchanged.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The global id of the run to cancel.' }),
    reason: t.string({
      description:
        'The reason for the cancellation, at most 500 characters. The run shows it as `cancellation.reason`.',
    }),
  }),
  run: (context, viewer, { id, reason }) => cancelRun(context, viewer, id, reason ?? null),
  payload: changedRun,
})

mutation('updateReportRun', {
  description:
    'Changes the label, tags, metadata or expiry of a run. A field that is absent stays unchanged, and so does one that is null, except `label`.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The global id of the run to change.' }),
    label: t.string({ description: 'The new label, at most 255 characters. Null removes the label.' }),
    tags: t.stringList({
      description: 'The new tags, which replace all tags of the run: at most 10 of at most 50 characters.',
    }),
    metadata: t.field({
      type: 'JSONObject',
      description:
        'The new metadata, which replaces all metadata of the run: at most 50 texts of at most 500 characters, under keys of at most 40.',
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description:
        'The new time at which the files are deleted, in the future. Only a run that has ended accepts it.',
    }),
  }),
  run: (context, viewer, { id, label, tags, metadata, expiresAt }) =>
    updateRun(context, viewer, id, {
      label,
      tags: tags ?? undefined,
      metadata: metadata ?? undefined,
      expiresAt: expiresAt ?? undefined,
    }),
  payload: changedRun,
})

deletion('deleteReportRun', {
  object: 'run',
  description:
    'Deletes a run that has ended, with its files. No query shows the run from then on; the database keeps one row of it for audit.',
  run: deleteRun,
})

function changedRun(t: FieldBuilder<Outcome<ReportRunRow>>) {
  return {
    reportRun: t.expose('result', {
      type: ReportRun,
      nullable: true,
      description: 'The run after the mutation; null when there are userErrors.',
    }),
  }
}

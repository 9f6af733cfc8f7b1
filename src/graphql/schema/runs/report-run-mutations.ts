import type { ReportRun as ReportRunRow } from '../../../postgres/generated/prisma/client.ts'
import { cancelRun } from '../../../runs/lifecycle/cancel.ts'
import { deleteRun } from '../../../runs/lifecycle/delete-run.ts'
import { updateRun } from '../../../runs/lifecycle/update.ts'
import type { FieldBuilder } from '../../builder.ts'
import { deletion, mutation, type Outcome } from '../../mutation.ts'
import { ReportRun } from './report-run.ts'

mutation('cancelReportRun', {
  description:
    'Requests the cancellation of a queued or running run. A run that has ended cannot be canceled.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The global ID of the run to cancel.' }),
    reason: t.string({
      description:
        'The reason for the cancellation, at most 500 characters. The run returns it as `cancellation.reason`.',
    }),
  }),
  run: (context, viewer, { id, reason }) => cancelRun(context, viewer, id, reason ?? null),
  payload: changedRun,
})

mutation('updateReportRun', {
  description:
    'Changes the label, tags, metadata or expiry of a run. A field that is omitted or null does not change, except that a null `label` removes the label.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The global ID of the run to change.' }),
    label: t.string({ description: 'The new label, at most 255 characters. Null removes the label.' }),
    tags: t.stringList({
      description:
        'The new tags, which replace all tags of the run: at most 10, of at most 50 characters each.',
    }),
    metadata: t.field({
      type: 'JSONObject',
      description:
        'The new metadata, which replaces all metadata of the run: at most 50 strings of at most 500 characters each, with keys of at most 40 characters.',
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description:
        'The new time at which the files are deleted, which must be in the future. The run must have ended.',
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
    'Deletes a run that has ended, together with its files. The run is no longer visible; only an audit record is kept.',
  run: deleteRun,
})

function changedRun(t: FieldBuilder<Outcome<ReportRunRow>>) {
  return {
    reportRun: t.expose('result', {
      type: ReportRun,
      nullable: true,
      description: 'The run after the mutation. Null when there are user errors.',
    }),
  }
}

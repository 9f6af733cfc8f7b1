import { encodeEventCursor } from '../../../runs/follow/event-log.ts'
import type { RunEvent } from '../../../runs/follow/read-run-events.ts'
import { builder } from '../../builder.ts'
import { ReportRun, ReportRunStatus } from '../runs/report-run.ts'
import { ReportRunProgress } from '../runs/report-run-details.ts'
import { Actor } from '../viewer/viewer.ts'

type Changed = RunEvent & { kind: 'CHANGED' }

const typesOfChanges = {
  STATUS_CHANGED: 'ReportRunStatusChanged',
  PROGRESSED: 'ReportRunProgressed',
  UPDATED: 'ReportRunSnapshot',
  DELETED: 'ReportRunDeleted',
}

export const ReportRunEvent = builder.interfaceRef<RunEvent>('ReportRunEvent').implement({
  description: 'Something that happened to a run. Most clients only read `run`.',
  resolveType: typeOf,
  fields: (t) => ({
    cursor: t.field({
      type: 'EventCursor',
      description: 'Resume after this.',
      resolve: ({ tenant, cursor }) => encodeEventCursor(tenant, cursor),
    }),
    occurredAt: t.expose('occurredAt', { type: 'DateTime', description: 'When it happened.' }),
    run: t.field({
      type: ReportRun,
      nullable: true,
      description:
        'The run as it was loaded for delivery, at least as new as this event; null when it was deleted, and when the event is of the log itself.',
      resolve: (happened) => (happened.kind === 'RESET' ? null : happened.run),
    }),
  }),
})

builder.objectRef<RunEvent>('ReportRunSnapshot').implement({
  description:
    'The run as it is: the first message for a live run, the first after a gap, and what is sent when its label, tags, metadata or end of retention were changed, or when the data came that it had waited for.',
  interfaces: [ReportRunEvent],
})

builder.objectRef<Changed>('ReportRunStatusChanged').implement({
  description: 'The status of a run has changed. None of these is ever left out.',
  interfaces: [ReportRunEvent],
  fields: (t) => ({
    from: t.field({
      type: ReportRunStatus,
      nullable: true,
      description: 'Status before; null for a new run.',
      resolve: ({ event }) => event.fromStatus,
    }),
    to: t.field({
      type: ReportRunStatus,
      description: 'Status after.',
      resolve: ({ event }) => event.toStatus,
    }),
    actor: t.field({
      type: Actor,
      nullable: true,
      description: 'Who caused it; null when nobody asked for it, as when a worker starts.',
      resolve: ({ event }, _args, { loaders }) =>
        event.actorId === null ? null : loaders.apiKeyOf(event, event.actorId),
    }),
  }),
})

builder.objectRef<Changed>('ReportRunProgressed').implement({
  description: 'Progress was made. These may be thinned out.',
  interfaces: [ReportRunEvent],
  fields: (t) => ({
    progress: t.field({
      type: ReportRunProgress,
      description: 'How far the run has come, as of now; it never falls.',
      resolve: ({ run, occurredAt }) => {
        if (!run) throw new Error('An event of progress is told of a run that is there.')
        return { ...run, measuredAt: run.measuredAt ?? occurredAt }
      },
    }),
  }),
})

builder.objectRef<Changed>('ReportRunDeleted').implement({
  description: 'A run was deleted, with its files.',
  interfaces: [ReportRunEvent],
  fields: (t) => ({
    runId: t.id({ description: 'Id of the run that is gone.', resolve: ({ event }) => event.runId }),
  }),
})

builder.objectRef<RunEvent & { kind: 'RESET' }>('ReportRunLogReset').implement({
  description:
    'Events after the cursor given are not kept any more. Snapshots of the live runs follow, then events; what has ended meanwhile is in the list of runs.',
  interfaces: [ReportRunEvent],
  fields: (t) => ({
    oldest: t.field({
      type: 'EventCursor',
      description: 'The oldest cursor after which everything is kept.',
      resolve: ({ tenant, keptAfter }) =>
        encodeEventCursor(tenant, { position: keptAfter, snapshotsAfter: null }),
    }),
  }),
})

function typeOf(happened: RunEvent): string {
  if (happened.kind === 'SNAPSHOT') return 'ReportRunSnapshot'
  return happened.kind === 'RESET' ? 'ReportRunLogReset' : typesOfChanges[happened.event.kind]
}

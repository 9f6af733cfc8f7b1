import { encodeEventCursor } from '../../../runs/follow/event-log.ts'
import type { RunEvent } from '../../../runs/follow/run-event.ts'
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
  description: 'An event in the event log, usually of a run. Most clients need only `run`.',
  resolveType: typeOf,
  fields: (t) => ({
    cursor: t.field({
      type: 'EventCursor',
      description: 'The position of the event in the log. Pass it as `after` to resume after the event.',
      resolve: ({ tenant, cursor }) => encodeEventCursor(tenant, cursor),
    }),
    occurredAt: t.expose('occurredAt', { type: 'DateTime', description: 'When the event occurred.' }),
    run: t.field({
      type: ReportRun,
      nullable: true,
      description:
        'The state of the run when the event is delivered. It can be newer than the event, but not older. Null when the run has been deleted, and when the event is about the log itself.',
      resolve: (happened) => (happened.kind === 'RESET' ? null : happened.run),
    }),
  }),
})

builder.objectRef<RunEvent>('ReportRunSnapshot').implement({
  description:
    'The current state of a run. When a subscription starts without a cursor, or after a gap in the log, it begins with a snapshot of each run that has not ended. A snapshot is also sent when the label, tags, metadata or expiry of the run changes, and when the data that the run waits for becomes available.',
  interfaces: [ReportRunEvent],
})

builder.objectRef<Changed>('ReportRunStatusChanged').implement({
  description: 'The status of a run changed. These events are never skipped.',
  interfaces: [ReportRunEvent],
  fields: (t) => ({
    from: t.field({
      type: ReportRunStatus,
      nullable: true,
      description: 'The status before the change. Null for a new run.',
      resolve: ({ event }) => event.fromStatus,
    }),
    to: t.field({
      type: ReportRunStatus,
      description: 'The status after the change.',
      resolve: ({ event }) => event.toStatus,
    }),
    actor: t.field({
      type: Actor,
      nullable: true,
      description:
        'The actor that caused the change. Null when no actor did, such as when a worker starts the run.',
      resolve: ({ event }, _args, { loaders }) =>
        event.actorId === null ? null : loaders.apiKeyOf(event, event.actorId),
    }),
  }),
})

builder.objectRef<Changed>('ReportRunProgressed').implement({
  description: 'A run made progress. These events may be skipped.',
  interfaces: [ReportRunEvent],
  fields: (t) => ({
    progress: t.field({
      type: ReportRunProgress,
      description: 'The current progress of the run.',
      resolve: ({ run, occurredAt }) => {
        if (!run) throw new Error('A progress event has no run.')
        return { ...run, measuredAt: run.measuredAt ?? occurredAt }
      },
    }),
  }),
})

builder.objectRef<Changed>('ReportRunDeleted').implement({
  description: 'A run was deleted together with its files.',
  interfaces: [ReportRunEvent],
  fields: (t) => ({
    runId: t.id({ description: 'The global ID of the deleted run.', resolve: ({ event }) => event.runId }),
  }),
})

builder.objectRef<RunEvent & { kind: 'RESET' }>('ReportRunLogReset').implement({
  description:
    'The log does not hold the events after the given cursor: they were removed after their retention, or the database continues another history, such as that of a restored backup. Discard the runs that you hold, because they can have changed differently there, and their versions can be smaller. Snapshots of the runs that have not ended follow, then events. Read the list of runs to find the runs that have ended.',
  interfaces: [ReportRunEvent],
  fields: (t) => ({
    oldest: t.field({
      type: 'EventCursor',
      description: 'The oldest cursor after which the log holds every event.',
      resolve: ({ tenant, oldest }) => encodeEventCursor(tenant, oldest),
    }),
  }),
})

function typeOf(happened: RunEvent): string {
  if (happened.kind === 'SNAPSHOT') return 'ReportRunSnapshot'
  return happened.kind === 'RESET' ? 'ReportRunLogReset' : typesOfChanges[happened.event.kind]
}

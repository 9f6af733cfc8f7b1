import type { QueuePlace } from '../../../runs/estimate/queue-place.ts'
import { pollAfter } from '../../../runs/estimate/queue-place.ts'
import { builder } from '../../builder.ts'

const waitReasons: Record<QueuePlace['waitingFor'], { description: string }> = {
  WORKER: { description: 'For a free worker; all accounts share them.' },
  CONCURRENCY_LIMIT: {
    description: 'For another run of the account to end, because no more of them are made at once.',
  },
  DATA_AVAILABILITY: {
    description:
      'For the data to cover its interval, as it may by `waitForData`. It keeps no other run waiting meanwhile.',
  },
}

const ReportRunWaitReason = builder.enumType('ReportRunWaitReason', {
  description: 'What a run waits for. New values may be added.',
  values: waitReasons,
})

const ReportRunQueuePlace = builder.objectRef<QueuePlace>('ReportRunQueuePlace').implement({
  description: 'Where a run stands in the queue of its account and mode.',
  fields: (t) => ({
    position: t.exposeInt('position', {
      description:
        "1 for the account's next run. While a run waits for data, the place that it would have if the data came now.",
    }),
    estimatedStartAt: t.expose('estimatedStartAt', {
      type: 'DateTime',
      nullable: true,
      description:
        "Best guess of the start, from how long the account's last runs took; null when that is unknown, and while it waits for a worker or for data.",
    }),
    waitingFor: t.expose('waitingFor', { type: ReportRunWaitReason, description: 'What it waits for.' }),
  }),
})

builder.prismaObjectFields('ReportRun', (t) => ({
  queue: t.field({
    type: ReportRunQueuePlace,
    nullable: true,
    description: 'Its place in the queue; null unless it is PENDING.',
    resolve: (run, _args, { queuePlaces }) => (run.status === 'PENDING' ? queuePlaces.load(run) : null),
  }),
  pollAfter: t.field({
    type: 'DateTime',
    nullable: true,
    description:
      'When it makes sense to ask again, for clients that do not subscribe: its estimated end, or after a quarter of its age, but 1 to 30 seconds from now, or up to 5 minutes while it waits for data. Null when it has ended.',
    resolve: (run, _args, { now }) => pollAfter(run, now()),
  }),
}))

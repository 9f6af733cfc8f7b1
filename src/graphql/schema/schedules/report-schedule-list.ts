import { resolveCursorConnection } from '@pothos/plugin-relay'
import { encodeScheduleCursor, listSchedules, type SchedulePage } from '../../../schedules/schedule.ts'
import { tenantOf } from '../../../tenant.ts'
import { builder } from '../../builder.ts'
import { requireViewer } from '../../context.ts'
import { throwBadArgument } from '../runs/run-list.ts'
import { ReportSchedule } from './report-schedule.ts'

builder.queryField('reportSchedules', (t) =>
  t.connection(
    {
      type: ReportSchedule,
      description: "Schedules of the key's account and mode, newest first; 20 a page, at most 100.",
      resolve: async (_root, args, context) => {
        const viewer = requireViewer(context)
        const page = await resolveCursorConnection(
          { args, defaultSize: 20, maxSize: 100, toCursor: encodeScheduleCursor },
          (places: SchedulePage) => listSchedules(context.prisma, viewer, places).catch(throwBadArgument),
        )
        const countAll = () => context.prisma.reportSchedule.count({ where: tenantOf(viewer) })
        return { ...page, countAll }
      },
    },
    {
      name: 'ReportScheduleConnection',
      description: 'A page of schedules.',
      fields: (c) => ({
        totalCount: c.int({
          description: 'How many there are, on all pages; counted only when it is selected.',
          resolve: ({ countAll }) => countAll(),
        }),
      }),
    },
    { name: 'ReportScheduleEdge', description: 'A schedule in a list.' },
  ),
)

import type { ReportSchedule as ReportScheduleRow } from '../../../postgres/generated/prisma/client.ts'
import { checkLevels } from '../../../runs/create/run-request.ts'
import { createSchedule } from '../../../schedules/create-schedule.ts'
import { deleteSchedule } from '../../../schedules/delete-schedule.ts'
import { updateSchedule } from '../../../schedules/update-schedule.ts'
import { builder } from '../../builder.ts'
import { requireViewer } from '../../context.ts'
import { toMilliseconds } from '../../duration.ts'
import { readReportInput } from '../reports/report-input.ts'
import { defaultRetention, pathInRequest } from '../runs/create-report-run.ts'
import { toUserErrors, UserError, type UserErrorValue } from '../user-errors.ts'
import { ReportSchedule } from './report-schedule.ts'
import { ReportScheduleInput, ReportSchedulePatch, readTrigger } from './report-schedule-input.ts'

type Payload = { reportSchedule: ReportScheduleRow | null; userErrors: UserErrorValue[] }

const ReportSchedulePayload = builder.objectRef<Payload>('ReportSchedulePayload').implement({
  description: 'Payload of createReportSchedule and updateReportSchedule.',
  fields: (t) => ({
    reportSchedule: t.expose('reportSchedule', {
      type: ReportSchedule,
      nullable: true,
      description: 'The schedule as it is now; null only with userErrors.',
    }),
    userErrors: t.expose('userErrors', {
      type: [UserError],
      description: 'What was wrong; then nothing was changed.',
    }),
  }),
})

const DeleteReportSchedulePayload = builder
  .objectRef<{ deletedId: string | null; userErrors: UserErrorValue[] }>('DeleteReportSchedulePayload')
  .implement({
    description: 'Payload of deleteReportSchedule.',
    fields: (t) => ({
      deletedId: t.exposeID('deletedId', {
        nullable: true,
        description: 'Global id of the schedule that was deleted; null only with userErrors.',
      }),
      userErrors: t.expose('userErrors', {
        type: [UserError],
        description: 'What was wrong; then nothing was deleted.',
      }),
    }),
  })

builder.mutationField('createReportSchedule', (t) =>
  t.field({
    type: ReportSchedulePayload,
    nullable: true,
    description:
      'Runs a report again and again, from now on. Each time it is due it makes one run; of times that were missed it makes one, for the last.',
    args: {
      input: t.arg({
        type: ReportScheduleInput,
        required: true,
        description: 'What to run, how to write it, and when.',
      }),
    },
    resolve: async (_root, { input }, context): Promise<Payload> => {
      const report = readReportInput(input.report)
      try {
        checkLevels('parameters', report.parameters)
        const reportSchedule = await createSchedule(context, requireViewer(context), {
          type: report.type,
          parameters: report.parameters,
          relativeInterval: report.relativeInterval,
          trigger: readTrigger(input.trigger),
          formats: input.output?.formats ?? ['CSV'],
          compression: input.output?.compression ?? 'NONE',
          retention: toMilliseconds(input.output?.retention ?? defaultRetention),
          label: input.label ?? null,
          tags: input.tags ?? [],
        })
        return { reportSchedule, userErrors: [] }
      } catch (error) {
        const userErrors = toUserErrors(error, (path) => ['input', ...pathInRequest(report, path)])
        return { reportSchedule: null, userErrors }
      }
    },
  }),
)

builder.mutationField('updateReportSchedule', (t) =>
  t.field({
    type: ReportSchedulePayload,
    nullable: true,
    description:
      'Pauses a schedule, turns it on again, or changes it. Runs that it has made stay as they are.',
    args: {
      id: t.arg.id({ required: true, description: 'Global id of the schedule to change.' }),
      patch: t.arg({ type: ReportSchedulePatch, required: true, description: 'What to change.' }),
    },
    resolve: async (_root, { id, patch }, context): Promise<Payload> => {
      try {
        const { isActive, trigger, label, tags } = patch
        const reportSchedule = await updateSchedule(context, requireViewer(context), id, {
          isActive: isActive ?? undefined,
          trigger: trigger ? readTrigger(trigger) : undefined,
          label,
          tags: tags ?? undefined,
        })
        return { reportSchedule, userErrors: [] }
      } catch (error) {
        const pathOf = (path: readonly string[]) => (path[0] === 'id' ? path : ['patch', ...path])
        return { reportSchedule: null, userErrors: toUserErrors(error, pathOf) }
      }
    },
  }),
)

builder.mutationField('deleteReportSchedule', (t) =>
  t.field({
    type: DeleteReportSchedulePayload,
    nullable: true,
    description: 'Deletes a schedule. Runs that it has made stay as they are.',
    args: { id: t.arg.id({ required: true, description: 'Global id of the schedule to delete.' }) },
    resolve: async (_root, { id }, context) => {
      try {
        await deleteSchedule(context, requireViewer(context), id)
        return { deletedId: id, userErrors: [] }
      } catch (error) {
        return { deletedId: null, userErrors: toUserErrors(error) }
      }
    },
  }),
)

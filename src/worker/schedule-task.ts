import type { Services } from '../runs/services.ts'
import { runDueSchedules } from '../schedules/run-due.ts'
import type { MaintenanceTask } from './maintenance.ts'

/** A queue of its own: a clean-up that takes long must not make reports late. */
export const scheduleQueue = 'report-schedule'

/**
 * Looks each minute for report schedules that are due. When that is stands with each of them, so an occurrence that the
 * queue loses is found at the next look.
 */
export function createScheduleTask(deps: Services): MaintenanceTask {
  return {
    name: 'run-due-schedules',
    cron: '* * * * *',
    run: (signal) => runDueSchedules(deps, signal),
  }
}

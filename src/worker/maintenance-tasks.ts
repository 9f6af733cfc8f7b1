import { pruneKeys } from '../runs/create/idempotency.ts'
import { pruneDailyCounts } from '../runs/create/quota.ts'
import { pruneEvents } from '../runs/follow/event-log.ts'
import { type EraseDependencies, eraseExpiredFiles } from '../runs/lifecycle/erase-run.ts'
import type { MaintenanceTask } from './maintenance.ts'

const dayMilliseconds = 24 * 60 * 60 * 1000

/**
 * What is to be cleaned up, and when.
 *
 * @param eventDays how long entries of the event log are kept
 */
export function createMaintenanceTasks(deps: EraseDependencies, eventDays: number): MaintenanceTask[] {
  const { prisma, now } = deps
  return [
    {
      name: 'prune-events',
      cron: '*/10 * * * *',
      run: async (signal) => {
        await pruneEvents(prisma, new Date(now().getTime() - eventDays * dayMilliseconds), signal)
      },
    },
    {
      name: 'erase-expired-files',
      cron: '*/5 * * * *',
      run: (signal) => eraseExpiredFiles(deps, signal),
    },
    { name: 'prune-idempotency-keys', cron: '7 * * * *', run: () => pruneKeys(prisma, now()) },
    { name: 'prune-daily-counts', cron: '17 3 * * *', run: () => pruneDailyCounts(prisma, now()) },
  ]
}

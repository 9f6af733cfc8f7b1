import type { Pool } from 'pg'
import { startReleases } from '../runs/lifecycle/release-runs.ts'
import { startMaintenance } from '../worker/maintenance.ts'
import { createMaintenanceTasks } from '../worker/maintenance-tasks.ts'
import { createScheduleTask, scheduleQueue } from '../worker/schedule-task.ts'
import { startWorker } from '../worker/worker.ts'
import type { Base } from './base.ts'
import { type Opening, openPool } from './opening.ts'

export type WorkerRole = {
  /** Connections that the reports' own queries run on. */
  exportPool: Pool
  /** Takes no more work, and ends or hands back what there is. */
  stop(): Promise<void>
}

/** Makes reports, asks for those of schedules, and cleans up. */
export async function openWorkerRole(opening: Opening, { url, own, shared }: Base): Promise<WorkerRole> {
  const { config, logger } = opening
  const exportPool = openPool(opening, 'reports', { url, max: config.concurrency + 2 })
  const worker = await startWorker({ ...shared, exportPool, customPool: own?.pool ?? null }, shared.queue, {
    concurrency: config.concurrency,
    accountConcurrency: config.accountConcurrency,
    runAttempts: config.runAttempts,
    stopSeconds: config.stopSeconds,
  })
  const tasks = createMaintenanceTasks(shared, config.eventDays)
  const { queue } = shared
  const maintenance = await startMaintenance({ queue, tasks, logger })
  const scheduleTasks = [createScheduleTask(shared)]
  const schedules = await startMaintenance({ queue, tasks: scheduleTasks, logger, name: scheduleQueue })
  const releases = startReleases(shared)
  return {
    exportPool,
    stop: async () => {
      await Promise.all([worker.stop(), maintenance.stop(), schedules.stop(), releases.stop()])
    },
  }
}

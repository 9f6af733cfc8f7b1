import type { Pool } from 'pg'
import { startMaintenance } from '../worker/maintenance.ts'
import { createMaintenanceTasks } from '../worker/maintenance-tasks.ts'
import { startWorker } from '../worker/worker.ts'
import type { Base } from './base.ts'
import { type Opening, openPool } from './opening.ts'

export type WorkerRole = {
  /** Connections that the reports' own queries run on. */
  exportPool: Pool
  /** Takes no more work, and ends or hands back what there is. */
  stop(): Promise<void>
}

/** Makes reports, and cleans up by schedule. */
export const openWorkerRole = async (
  opening: Opening,
  { url, ownPool, shared }: Base,
): Promise<WorkerRole> => {
  const { config, log } = opening
  const exportPool = openPool(opening, 'reports', { url, max: config.concurrency + 2 })
  const worker = await startWorker({ ...shared, exportPool, ownPool }, shared.queue, {
    concurrency: config.concurrency,
    accountConcurrency: config.accountConcurrency,
    runAttempts: config.runAttempts,
    stopSeconds: config.stopSeconds,
  })
  const tasks = createMaintenanceTasks(shared, config.eventDays)
  const maintenance = await startMaintenance({ queue: shared.queue, tasks, log })
  return {
    exportPool,
    stop: async () => {
      await Promise.all([worker.stop(), maintenance.stop()])
    },
  }
}

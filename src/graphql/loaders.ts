import DataLoader from 'dataloader'
import type { Prisma } from '../database/client.ts'
import type { ApiKey, ReportFile } from '../database/generated/prisma/client.ts'

export type Loaders = {
  /** Files of a run, by the run's id. */
  filesOfRun: DataLoader<string, ReportFile[]>
  apiKey: DataLoader<string, ApiKey | null>
}

/**
 * Loaders for the whole process: what a thousand subscriptions ask for at the same moment is one query. Nothing is kept,
 * and whoever asks has seen to it before that the viewer may know.
 */
export const createLoaders = (prisma: Prisma): Loaders => ({
  filesOfRun: new DataLoader(
    async (runIds: readonly string[]) => {
      const files = await prisma.reportFile.findMany({
        where: { runId: { in: [...new Set(runIds)] } },
        orderBy: { id: 'asc' },
      })
      const byRun = Map.groupBy(files, ({ runId }) => runId)
      return runIds.map((runId) => byRun.get(runId) ?? [])
    },
    { cache: false, maxBatchSize: 1000 },
  ),
  apiKey: new DataLoader(
    async (ids: readonly string[]) => {
      const keys = await prisma.apiKey.findMany({ where: { id: { in: [...new Set(ids)] } } })
      const byId = new Map(keys.map((key) => [key.id, key]))
      return ids.map((id) => byId.get(id) ?? null)
    },
    { cache: false, maxBatchSize: 1000 },
  ),
})

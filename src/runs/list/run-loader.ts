import DataLoader from 'dataloader'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'

export type RunLoader = { load(id: string): Promise<ReportRun | null> }

/**
 * Loads runs as they are now, whoever they belong to: callers check that. However many subscriptions ask for the same
 * run at the same moment, the database is asked once; nothing is kept afterwards.
 */
export function createRunLoader(prisma: Prisma): RunLoader {
  const loader = new DataLoader<string, ReportRun | null>(
    async (ids) => {
      const runs = await prisma.reportRun.findMany({ where: { id: { in: [...new Set(ids)] } } })
      const byId = new Map(runs.map((run) => [run.id, run]))
      return ids.map((id) => byId.get(id) ?? null)
    },
    { cache: false, maxBatchSize: 1000 },
  )
  return { load: (id) => loader.load(id) }
}

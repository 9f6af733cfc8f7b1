import DataLoader from 'dataloader'
import type { Logger } from 'pino'
import type { Viewer } from '../auth/viewer.ts'
import type { Prisma } from '../database/client.ts'
import type { ApiKey, ReportFile } from '../database/generated/prisma/client.ts'
import { AuthenticationError } from '../errors.ts'
import type { LinkSigner } from '../files/link.ts'
import type { Storage } from '../files/storage.ts'
import type { RunDependencies } from '../runs/dependencies.ts'
import type { FollowDependencies } from '../runs/follow-run.ts'

/** What every request shares. */
export type Services = RunDependencies &
  FollowDependencies & { linkSigner: LinkSigner; storage: Storage; log: Logger }

export type Context = Services & {
  /** Null when no key was sent; such a request may only look at the schema. */
  viewer: Viewer | null
  loaders: Loaders
}

export type Loaders = {
  /** Files of a run, by the run's id. */
  filesOfRun: DataLoader<string, ReportFile[]>
  apiKey: DataLoader<string, ApiKey | null>
}

// A subscription keeps its context for as long as it lives, so nothing may be cached: loaders only batch.
const createLoaders = (prisma: Prisma): Loaders => ({
  filesOfRun: new DataLoader(
    async (runIds: readonly string[]) => {
      const files = await prisma.reportFile.findMany({
        where: { runId: { in: [...new Set(runIds)] } },
        orderBy: { id: 'asc' },
      })
      return runIds.map((runId) => files.filter((file) => file.runId === runId))
    },
    { cache: false },
  ),
  apiKey: new DataLoader(
    async (ids: readonly string[]) => {
      const keys = await prisma.apiKey.findMany({ where: { id: { in: [...new Set(ids)] } } })
      return ids.map((id) => keys.find((key) => key.id === id) ?? null)
    },
    { cache: false },
  ),
})

export const createContext = (services: Services, viewer: Viewer | null): Context => ({
  ...services,
  viewer,
  loaders: createLoaders(services.prisma),
})

/** @throws AuthenticationError when no key was sent */
export const requireViewer = ({ viewer }: Pick<Context, 'viewer'>): Viewer => {
  if (!viewer) throw missingKey()
  return viewer
}

export const missingKey = (): AuthenticationError =>
  new AuthenticationError(
    'No API key was sent. Send the header "Authorization: Bearer" and a key, or over WebSocket the same as connectionParams.authorization.',
  )

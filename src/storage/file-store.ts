import type { Logger } from 'pino'
import type { Prisma } from '../postgres/client.ts'
import type { DownloadHandler } from './download.ts'
import type { FileLinks } from './link.ts'
import type { Storage } from './storage.ts'

export type DeliveryDependencies = {
  prisma: Prisma
  logger: Logger
  now: () => Date
  /** Where clients reach this gateway, without a slash at the end. */
  publicUrl: string
}

/** How clients get files without an API key. */
export type Delivery = {
  links: FileLinks
  /** Serves the links; null when they lead elsewhere. */
  download: DownloadHandler | null
}

/** Where result files are kept, and the way from there to clients. */
export type FileStore = {
  storage: Storage
  openDelivery(deps: DeliveryDependencies): Promise<Delivery>
  close(): void
}

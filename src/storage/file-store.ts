import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Prisma } from '../postgres/client.ts'
import type { FileLinks } from './link.ts'
import type { Storage } from './storage.ts'

export type DeliveryDependencies = {
  prisma: Prisma
  logger: Logger
  now: () => Date
  /** Where clients reach this gateway, without a slash at the end. */
  publicUrl: string
}

export type DownloadHandler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>

/** Where result files are kept, and the way from there to clients. */
export type FileStore = {
  storage: Storage
  /** How clients get files without an API key: links, and what serves these; null when they lead elsewhere. */
  openDelivery(deps: DeliveryDependencies): Promise<{ links: FileLinks; download: DownloadHandler | null }>
  close(): void
}

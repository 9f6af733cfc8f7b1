import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { createDownloadHandler, type DownloadDependencies } from './download.ts'
import { createLinkSigner, type FileLinks } from './link.ts'
import { createLocalStorage } from './local-storage.ts'
import type { Storage } from './storage.ts'

type DeliveryDependencies = DownloadDependencies & {
  /** Where clients reach this gateway, without a slash at the end. */
  publicUrl: string
}

/** Where result files are kept, and the way from there to clients. */
export type FileStore = {
  storage: Storage
  /** How clients get files without an API key: links, and what serves these; null when they lead elsewhere. */
  openDelivery(
    deps: DeliveryDependencies,
  ): Promise<{ links: FileLinks; download: ReturnType<typeof createDownloadHandler> | null }>
  close(): void
}

/**
 * Opens the bucket that is configured, or else the folder.
 *
 * @throws ConfigurationError when the bucket cannot be used
 */
export async function openFileStore({ dataDir, s3 }: Pick<Config, 'dataDir' | 's3'>): Promise<FileStore> {
  if (s3 === null) return openFolder(join(dataDir, 'files'))
  // Loading the client for S3 takes half a second, which only those wait for who use it.
  const { openS3Store } = await import('./s3/s3-storage.ts')
  return openS3Store(s3)
}

async function openFolder(root: string): Promise<FileStore> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  return {
    storage: createLocalStorage(root),
    openDelivery: async (deps) => {
      const linkSigner = await createLinkSigner(deps.prisma, deps.publicUrl)
      return {
        links: { link: async ({ id }, at) => linkSigner.sign(id, at) },
        download: createDownloadHandler(deps, linkSigner, root),
      }
    },
    close: () => {},
  }
}

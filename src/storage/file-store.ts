import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { makeDataFolder } from '../config/folder.ts'
import { createDownloadHandler, type DownloadDependencies } from './download.ts'
import { createLinkSigner, type FileLinks } from './link.ts'
import { createLocalStorage } from './local-storage.ts'
import type { Storage } from './storage.ts'

type DeliveryDependencies = DownloadDependencies & {
  /** Public URL of this gateway, without a trailing slash. */
  publicUrl: string
}

/** The storage of result files and their delivery to clients. */
export type FileStore = {
  storage: Storage
  /** Where it is, for people: "the folder /srv/files", "the bucket … at …". */
  place: string
  /** Opens the delivery of files by link. `download` serves the links, and is null when the store itself serves them. */
  openDelivery(
    deps: DeliveryDependencies,
  ): Promise<{ links: FileLinks; download: ReturnType<typeof createDownloadHandler> | null }>
  close(): void
}

/**
 * Opens the configured bucket, or the folder when no bucket is configured.
 *
 * @throws ConfigurationError when the bucket or the folder cannot be used
 */
export async function openFileStore({ dataDir, s3 }: Pick<Config, 'dataDir' | 's3'>): Promise<FileStore> {
  if (s3 === null) return openFolder(join(dataDir, 'files'))
  // Loading the S3 client takes half a second, so it is loaded only when it is used.
  const { openS3Store } = await import('./s3/s3-storage.ts')
  return openS3Store(s3)
}

async function openFolder(path: string): Promise<FileStore> {
  const root = resolve(path)
  const place = `The folder ${root} of ${hostname()}`
  await makeDataFolder(root, 0o700)
  return {
    storage: createLocalStorage(root),
    place,
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

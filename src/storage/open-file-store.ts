import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { createDownloadHandler } from './download.ts'
import type { FileStore } from './file-store.ts'
import { createLinkSigner } from './link.ts'
import { createLocalStorage } from './local-storage.ts'

/**
 * Opens the bucket that is configured, or else the folder.
 *
 * @throws ConfigurationError when the bucket cannot be used
 */
export async function openFileStore({ dataDir, s3 }: Pick<Config, 'dataDir' | 's3'>): Promise<FileStore> {
  if (s3 === null) return openFolder(join(dataDir, 'files'))
  // Loading the client for S3 takes half a second, which only those wait for who use it.
  const { openS3Store } = await import('./s3/s3-store.ts')
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

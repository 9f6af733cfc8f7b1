import type { S3Config } from '../../config/config.ts'
import type { FileStore } from '../file-store.ts'
import { openBucket } from './bucket.ts'
import { createS3Links } from './s3-links.ts'
import { createS3Storage } from './s3-storage.ts'

/** @throws ConfigurationError when the bucket cannot be used */
export async function openS3Store(config: S3Config): Promise<FileStore> {
  const bucket = await openBucket(config)
  return {
    storage: createS3Storage(bucket),
    openDelivery: async ({ now }) => ({ links: createS3Links(bucket, now), download: null }),
    close: () => bucket.client.destroy(),
  }
}

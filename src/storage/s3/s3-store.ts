import { GetObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { S3Config } from '../../config/config.ts'
import { contentDisposition, contentType, keyOfFile } from '../file.ts'
import type { FileLinks } from '../link.ts'
import { openBucket, type S3Bucket } from './bucket.ts'
import { createS3Storage } from './s3-storage.ts'

/** @throws ConfigurationError when the bucket cannot be used */
export async function openS3Store(config: S3Config) {
  const bucket = await openBucket(config)
  return {
    storage: createS3Storage(bucket),
    openDelivery: async ({ now }: { now: () => Date }) => ({
      links: createS3Links(bucket, now),
      download: null,
    }),
    close: () => bucket.client.destroy(),
  }
}

/** Links that lead to the store itself, which then gives the file under its name. */
export function createS3Links({ client, locate }: S3Bucket, now: () => Date): FileLinks {
  return {
    link: async (file, at) => {
      const command = new GetObjectCommand({
        ...locate(keyOfFile(file)),
        ResponseContentDisposition: contentDisposition(file),
        ResponseContentType: contentType(file),
        ResponseCacheControl: 'private, no-cache',
      })
      const signingDate = now()
      // The store takes no link that was signed with credentials which have expired.
      const { expiration } = await client.config.credentials()
      // The signature knows whole seconds only.
      const wanted = Math.ceil(at.getTime() / 1000)
      const end = expiration ? Math.min(wanted, Math.floor(expiration.getTime() / 1000)) : wanted
      const expiresIn = end - Math.floor(signingDate.getTime() / 1000)
      const url = await getSignedUrl(client, command, { signingDate, expiresIn })
      return { url, expiresAt: new Date(end * 1000) }
    },
  }
}

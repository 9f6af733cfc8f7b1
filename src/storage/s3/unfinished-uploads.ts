import {
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3'
import type { ObjectPlace } from './bucket.ts'

export type UnfinishedUpload = ObjectPlace & { UploadId: string }

/**
 * Uploads that were neither completed nor aborted, as a worker that is killed leaves them: of a file, or of all files in
 * a folder. They take space, and no list of files has them.
 */
export async function listUploads(
  client: S3Client,
  { Bucket, Key: place }: ObjectPlace,
): Promise<UnfinishedUpload[]> {
  const found: UnfinishedUpload[] = []
  let after: Pick<ListMultipartUploadsCommandOutput, 'NextKeyMarker' | 'NextUploadIdMarker'> | null = {}
  while (after) {
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = after
    const page: ListMultipartUploadsCommandOutput = await client.send(
      new ListMultipartUploadsCommand({ Bucket, Prefix: place, KeyMarker, UploadIdMarker }),
    )
    for (const { Key = '', UploadId } of page.Uploads ?? []) {
      const isHere = Key === place || Key.startsWith(`${place}/`)
      if (isHere && UploadId) found.push({ Bucket, Key, UploadId })
    }
    after = page.IsTruncated ? page : null
  }
  return found
}

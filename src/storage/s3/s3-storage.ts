import { PassThrough, Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { S3Config } from '../../config/config.ts'
import { contentDisposition, contentType, keyOfFile } from '../file.ts'
import type { FileLinks } from '../link.ts'
import { type ByteRange, createByteCounter, type Storage } from '../storage.ts'
import { type ObjectLocation, openBucket, type S3Bucket } from './bucket.ts'
import { isPastEnd, nullWhenMissing, wrapStoreErrors } from './s3-errors.ts'
import { upload } from './upload.ts'

/** @throws ConfigurationError when the bucket cannot be used */
export async function openS3Store(config: S3Config) {
  const bucket = await openBucket(config)
  return {
    storage: createS3Storage(bucket),
    place: bucket.place,
    openDelivery: async ({ now }: { now: () => Date }) => ({
      links: createS3Links(bucket, now),
      download: null,
    }),
    close: () => bucket.client.destroy(),
  }
}

/** Stores files in a bucket of S3 or of an S3-compatible store. */
export function createS3Storage(bucket: S3Bucket): Storage {
  const { client, locate, keyOf } = bucket

  const open = async (at: ObjectLocation, range: ByteRange): Promise<Readable | null> => {
    if (range.end !== undefined && range.end <= range.start) return Readable.from([])
    try {
      const { Body } = await client.send(new GetObjectCommand({ ...at, ...rangeOf(range) }))
      if (!(Body instanceof Readable)) throw new Error('The S3 client returned no stream.')
      return guardStream(Body)
    } catch (error) {
      return isPastEnd(error) ? Readable.from([]) : nullWhenMissing(error)
    }
  }

  const sizeOf = async (at: ObjectLocation): Promise<number | null> => {
    const head = await client.send(new HeadObjectCommand(at)).catch(nullWhenMissing)
    return head?.ContentLength ?? null
  }

  const objectsIn = async ({ Bucket, Key }: ObjectLocation): Promise<string[]> => {
    const keys: string[] = []
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix: `${Key}/` })) {
      keys.push(...Contents.flatMap((object) => object.Key ?? []))
    }
    return keys
  }

  /** Deletes objects one by one: a run has few files, and not every store supports deleting many at once. */
  const removeAll = async (at: ObjectLocation): Promise<void> => {
    for (const unfinished of await listUploads(client, at)) {
      await client.send(new AbortMultipartUploadCommand(unfinished))
    }
    for (const Key of [at.Key, ...(await objectsIn(at))]) {
      await client.send(new DeleteObjectCommand({ ...at, Key }))
    }
  }

  const listAll = async (at: ObjectLocation): Promise<string[]> => {
    const unfinished = (await listUploads(client, at)).map(({ Key }) => Key)
    return [...new Set([...(await objectsIn(at)), ...unfinished])].map(keyOf)
  }

  /** Runs an operation on the location of a key. */
  const withLocation = async <Result>(
    key: string,
    act: (at: ObjectLocation) => Promise<Result>,
  ): Promise<Result> => {
    const at = locate(key)
    return wrapStoreErrors(() => act(at))
  }

  return {
    write: async (key, content, signal) => {
      const at = locate(key)
      const counter = createByteCounter()
      const flowing = pipeline([...content, counter.stream], { signal })
      // The upload reads from this stream and reports its error.
      flowing.catch(() => {})
      await upload({ client, at }, counter.stream, signal)
      await flowing
      return counter.result()
    },
    read: (key, range) => withLocation(key, (at) => open(at, range)),
    size: (key) => withLocation(key, sizeOf),
    remove: (key) => withLocation(key, removeAll),
    list: (folder) => withLocation(folder, listAll),
  }
}

/** Creates links that lead directly to the store, which serves the file under its file name. */
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
      // The store rejects links after the credentials that signed them expire.
      const { expiration } = await client.config.credentials()
      // The signature has whole seconds only.
      const wanted = Math.ceil(at.getTime() / 1000)
      const end = expiration ? Math.min(wanted, Math.floor(expiration.getTime() / 1000)) : wanted
      const expiresIn = end - Math.floor(signingDate.getTime() / 1000)
      const url = await getSignedUrl(client, command, { signingDate, expiresIn })
      return { url, expiresAt: new Date(end * 1000) }
    },
  }
}

/** Omits the range for the whole file, because an empty file has no valid range. */
function rangeOf({ start, end }: ByteRange): { Range?: string } {
  return start === 0 && end === undefined
    ? {}
    : { Range: `bytes=${start}-${end === undefined ? '' : end - 1}` }
}

/**
 * Wraps a response body. A broken connection becomes a StorageError. Destroying the stream closes the connection, even
 * while the store sends nothing.
 */
function guardStream(body: Readable): Readable {
  const stream = new PassThrough()
  stream.once('close', () => body.destroy())
  // Without this listener, an error before the first read would end the process. A reader still receives the error.
  stream.on('error', () => {})
  wrapStoreErrors(() => finished(body)).catch((error) => stream.destroy(error))
  return body.pipe(stream)
}

/**
 * Returns the unfinished uploads of a file, or of all files in a folder. A killed worker leaves them. They take space, and
 * lists of objects do not include them.
 */
async function listUploads(
  client: S3Client,
  { Bucket, Key: path }: ObjectLocation,
): Promise<(ObjectLocation & { UploadId: string })[]> {
  const found: (ObjectLocation & { UploadId: string })[] = []
  let after: Pick<ListMultipartUploadsCommandOutput, 'NextKeyMarker' | 'NextUploadIdMarker'> | null = {}
  while (after) {
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = after
    const page: ListMultipartUploadsCommandOutput = await client.send(
      new ListMultipartUploadsCommand({ Bucket, Prefix: path, KeyMarker, UploadIdMarker }),
    )
    for (const { Key = '', UploadId } of page.Uploads ?? []) {
      const isHere = Key === path || Key.startsWith(`${path}/`)
      if (isHere && UploadId) found.push({ Bucket, Key, UploadId })
    }
    after = page.IsTruncated ? page : null
  }
  return found
}

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
import { type ObjectPlace, openBucket, type S3Bucket } from './bucket.ts'
import { inStore, isBehindEnd, nullWhenMissing } from './s3-errors.ts'
import { upload } from './upload.ts'

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

/** Keeps files in a bucket of S3, or of a store that speaks its language. */
export function createS3Storage(bucket: S3Bucket): Storage {
  const { client, locate, keyOf } = bucket

  const open = async (at: ObjectPlace, range: ByteRange): Promise<Readable | null> => {
    if (range.end !== undefined && range.end <= range.start) return Readable.from([])
    try {
      const { Body } = await client.send(new GetObjectCommand({ ...at, ...rangeOf(range) }))
      if (!(Body instanceof Readable)) throw new Error('The client for S3 gave no stream.')
      return passOn(Body)
    } catch (error) {
      return isBehindEnd(error) ? Readable.from([]) : nullWhenMissing(error)
    }
  }

  const sizeOf = async (at: ObjectPlace): Promise<number | null> => {
    const head = await client.send(new HeadObjectCommand(at)).catch(nullWhenMissing)
    return head?.ContentLength ?? null
  }

  const objectsIn = async ({ Bucket, Key }: ObjectPlace): Promise<string[]> => {
    const keys: string[] = []
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix: `${Key}/` })) {
      keys.push(...Contents.flatMap((object) => object.Key ?? []))
    }
    return keys
  }

  /** One after the other: a run has few files, and not every store knows how to delete many at once. */
  const removeAll = async (at: ObjectPlace): Promise<void> => {
    for (const unfinished of await listUploads(client, at)) {
      await client.send(new AbortMultipartUploadCommand(unfinished))
    }
    for (const Key of [at.Key, ...(await objectsIn(at))]) {
      await client.send(new DeleteObjectCommand({ ...at, Key }))
    }
  }

  const listAll = async (at: ObjectPlace): Promise<string[]> => {
    const unfinished = (await listUploads(client, at)).map(({ Key }) => Key)
    return [...new Set([...(await objectsIn(at)), ...unfinished])].map(keyOf)
  }

  /** Asks the store, of a key that has been checked. */
  const ask = async <Result>(key: string, act: (at: ObjectPlace) => Promise<Result>): Promise<Result> => {
    const at = locate(key)
    return inStore(() => act(at))
  }

  return {
    write: async (key, content, signal) => {
      const at = locate(key)
      const counter = createByteCounter()
      const flowing = pipeline([...content, counter.stream], { signal })
      // The upload reads from it, and reports its fault.
      flowing.catch(() => {})
      await upload({ client, at }, counter.stream, signal)
      await flowing
      return counter.result()
    },
    read: (key, range) => ask(key, (at) => open(at, range)),
    size: (key) => ask(key, sizeOf),
    remove: (key) => ask(key, removeAll),
    list: (folder) => ask(folder, listAll),
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

/** Nothing for the whole file: of an empty one, no range can be asked for. */
function rangeOf({ start, end }: ByteRange): { Range?: string } {
  return start === 0 && end === undefined
    ? {}
    : { Range: `bytes=${start}-${end === undefined ? '' : end - 1}` }
}

/**
 * Passes bytes on, says of a connection that breaks that it is the store's, and ends the connection when nobody reads on,
 * even if the store sends nothing at that moment.
 */
function passOn(body: Readable): Readable {
  const stream = new PassThrough()
  stream.once('close', () => body.destroy())
  // An error reaches the reader; until there is one, it must not end the process.
  stream.on('error', () => {})
  inStore(() => finished(body)).catch((error) => stream.destroy(error))
  return body.pipe(stream)
}

/**
 * Uploads that were neither completed nor aborted, as a worker that is killed leaves them: of a file, or of all files in
 * a folder. They take space, and no list of files has them.
 */
async function listUploads(
  client: S3Client,
  { Bucket, Key: place }: ObjectPlace,
): Promise<(ObjectPlace & { UploadId: string })[]> {
  const found: (ObjectPlace & { UploadId: string })[] = []
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

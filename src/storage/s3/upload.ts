import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { ObjectLocation } from './bucket.ts'
import { wrapStoreErrors } from './s3-errors.ts'

/** The minimum part size of S3, except for the last part. S3 allows 10,000 parts, so a file has at most 48 GiB. */
const partBytes = 5 * 1024 * 1024

type Part = { number: number; bytes: Uint8Array; isLast: boolean }

export type UploadTarget = { client: S3Client; at: ObjectLocation }

const cleanUpMilliseconds = 5_000

/**
 * Uploads a stream: in one request when it is short, otherwise part by part. One part is sent while the next one is
 * read, so memory holds 10 MiB. `Upload` of @aws-sdk/lib-storage does not wait for its requests when it is aborted: one
 * of them could create the file again after it was deleted.
 *
 * @throws StorageError when the store fails
 * @throws the error of the stream, or the reason of the signal
 */
export async function upload(
  target: UploadTarget,
  stream: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const { client, at } = target
  const options = { abortSignal: signal }
  let UploadId: string | undefined
  const sent: CompletedPart[] = []
  let sending: Promise<unknown> = Promise.resolve()

  const sendPart = async ({ number: PartNumber, bytes: Body }: Part): Promise<void> => {
    const { ETag } = await client.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body }), options)
    sent.push({ PartNumber, ETag })
  }

  try {
    for await (const part of inParts(stream)) {
      await wrapStoreErrors(async () => {
        if (part.isLast && part.number === 1) {
          await client.send(new PutObjectCommand({ ...at, Body: part.bytes }), options)
          return
        }
        UploadId ??= (await client.send(new CreateMultipartUploadCommand(at), options)).UploadId
        await sending
        sending = sendPart(part)
        // The error is thrown where the promise is awaited.
        sending.catch(() => {})
        if (!part.isLast) return
        await sending
        const MultipartUpload = { Parts: sent }
        await client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload }), options)
      }, signal)
    }
  } catch (error) {
    await sending.catch(() => {})
    await discard(target, UploadId).catch(() => {})
    throw error
  }
}

/** Splits a stream into parts. There are two buffers: a part is valid until the second next part is requested. */
async function* inParts(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Part> {
  let [filling, other] = [new Uint8Array(partBytes), new Uint8Array(partBytes)]
  let filled = 0
  let number = 1
  for await (let chunk of stream) {
    while (chunk.length > 0) {
      if (filled === partBytes) {
        yield { number: number++, bytes: filling, isLast: false }
        ;[filling, other, filled] = [other, filling, 0]
      }
      const piece = chunk.subarray(0, partBytes - filled)
      filling.set(piece, filled)
      filled += piece.length
      chunk = chunk.subarray(piece.length)
    }
  }
  yield { number, bytes: filling.subarray(0, filled), isLast: true }
}

/** Deletes the leftovers of a failed upload. The upload can also have succeeded when only the response was lost. */
async function discard({ client, at }: UploadTarget, UploadId: string | undefined): Promise<void> {
  const options = { abortSignal: AbortSignal.timeout(cleanUpMilliseconds) }
  if (UploadId) await client.send(new AbortMultipartUploadCommand({ ...at, UploadId }), options)
  await client.send(new DeleteObjectCommand(at), options)
}

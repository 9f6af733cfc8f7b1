import { S3ServiceException } from '@aws-sdk/client-s3'
import { StorageError } from '../storage.ts'

const insufficientStorage = 507

/** Why a request to S3 failed, as the end of a sentence that is safe to show. */
export function reasonOf(error: unknown): string {
  if (error instanceof S3ServiceException) {
    const { httpStatusCode: status } = error.$metadata
    return status === insufficientStorage
      ? 'there is no space left'
      : `the store answered ${[status, error.name].join(' ')}`
  }
  if (error instanceof Error && error.name === 'CredentialsProviderError')
    return 'there are no credentials for it'
  return 'the store cannot be reached'
}

/** For `catch`: null when there is no such file. The store has another name for it when it is asked for the head only. */
export function nullWhenMissing(error: unknown): null {
  if (error instanceof S3ServiceException && ['NoSuchKey', 'NotFound'].includes(error.name)) return null
  throw error
}

/** The store's answer that a range begins at the end of the file, or behind it. */
export function isBehindEnd(error: unknown): boolean {
  return error instanceof S3ServiceException && error.name === 'InvalidRange'
}

/**
 * Passes a result on, and says of failed requests that they are the store's fault.
 *
 * @param signal what ended them, if it did: then the store is not at fault
 */
export async function inStore<Result>(act: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
  try {
    return await act()
  } catch (cause) {
    if (signal?.aborted) throw signal.reason
    throw new StorageError(reasonOf(cause), { cause })
  }
}

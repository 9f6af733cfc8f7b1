import { S3ServiceException } from '@aws-sdk/client-s3'
import { StorageError } from '../storage.ts'

const insufficientStorage = 507

/** Returns why a request to S3 failed, as a clause that is safe to show. */
export function reasonOf(error: unknown): string {
  if (error instanceof S3ServiceException) {
    const { httpStatusCode: status } = error.$metadata
    return status === insufficientStorage
      ? 'there is no space left'
      : `the store responded with ${[status, error.name].join(' ')}`
  }
  if (error instanceof Error && error.name === 'CredentialsProviderError') return 'there are no credentials'
  return 'the store cannot be reached'
}

/** A handler for `catch` that returns null when the file does not exist. HEAD reports another error name than GET. */
export function nullWhenMissing(error: unknown): null {
  if (error instanceof S3ServiceException && ['NoSuchKey', 'NotFound'].includes(error.name)) return null
  throw error
}

/** Returns true for the error that a range starts at or after the end of the file. */
export function isPastEnd(error: unknown): boolean {
  return error instanceof S3ServiceException && error.name === 'InvalidRange'
}

/**
 * Runs an operation and converts failed requests into StorageError.
 *
 * @param signal aborts the requests. Its reason is thrown then, because the store did not fail.
 */
export async function wrapStoreErrors<Result>(
  act: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  try {
    return await act()
  } catch (cause) {
    if (signal?.aborted) throw signal.reason
    throw new StorageError(reasonOf(cause), { cause })
  }
}

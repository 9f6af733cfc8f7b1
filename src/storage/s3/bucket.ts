import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { S3Config } from '../../config/config.ts'
import { ConfigurationError } from '../../errors.ts'
import { checkKey } from '../file.ts'
import { reasonOf } from './s3-errors.ts'

/** The location of a file in requests of the S3 client. */
export type ObjectLocation = { Bucket: string; Key: string }

/** An open bucket, and the mapping of storage keys to its objects. */
export type S3Bucket = Awaited<ReturnType<typeof openBucket>>

const connectMilliseconds = 5_000
/** From the request to the response headers: enough to upload a part of 5 MiB at 2 Mbit/s. */
const responseMilliseconds = 30_000

/**
 * Opens a bucket. Credentials come from the default chain of the AWS SDK: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the
 * shared files, the machine's role.
 *
 * @throws ConfigurationError when the bucket cannot be reached, does not exist, or denies access
 */
export async function openBucket(config: S3Config) {
  const { bucket: Bucket, prefix, endpoint, region } = config
  const client = createClient(config)
  const where = endpoint === null ? `in ${region}` : `at ${endpoint}`
  try {
    await client.send(new HeadBucketCommand({ Bucket }))
  } catch (error) {
    client.destroy()
    throw new ConfigurationError(
      `The bucket "${Bucket}" ${where} cannot be used: ${reasonOf(error)}. Check S3_BUCKET, S3_REGION, S3_ENDPOINT and the credentials, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,
      { cause: error },
    )
  }
  const start = prefix === '' ? '' : `${prefix}/`
  return {
    client,
    /** For people. */
    place: `The bucket "${Bucket}" ${where}${prefix === '' ? '' : `, under the prefix "${prefix}"`}`,
    /** @throws Error when the storage key is not valid */
    locate: (key: string): ObjectLocation => {
      checkKey(key)
      return { Bucket, Key: `${start}${key}` }
    },
    /** Returns the storage key of an object below the prefix. */
    keyOf: (objectKey: string) => objectKey.slice(start.length),
  }
}

function createClient({ region, endpoint, forcePathStyle }: S3Config): S3Client {
  return new S3Client({
    region,
    ...(endpoint !== null && { endpoint }),
    forcePathStyle,
    // Some S3-compatible stores do not support the checksums that the client adds by default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: connectMilliseconds,
      requestTimeout: responseMilliseconds,
      throwOnRequestTimeout: true,
    },
  })
}

import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { S3Config } from '../../config/config.ts'
import { ConfigurationError } from '../../errors.ts'
import { checkKey } from '../file.ts'
import { reasonOf } from './s3-errors.ts'

/** What names a file in the requests of the client. */
export type ObjectPlace = { Bucket: string; Key: string }

/** A bucket, and where in it our files are. */
export type S3Bucket = Awaited<ReturnType<typeof openBucket>>

const connectMilliseconds = 5_000
/** From the request to the head of its answer: enough for a part of 5 MiB on a line of 2 Mbit/s. */
const answerMilliseconds = 30_000

/**
 * Opens a bucket. Credentials are looked for where programs for S3 usually look: AWS_ACCESS_KEY_ID and
 * AWS_SECRET_ACCESS_KEY, the shared files, the machine's role.
 *
 * @throws ConfigurationError when it cannot be reached, does not exist, or may not be used
 */
export async function openBucket(config: S3Config) {
  const { bucket: Bucket, prefix, endpoint, region } = config
  const client = createClient(config)
  try {
    await client.send(new HeadBucketCommand({ Bucket }))
  } catch (error) {
    client.destroy()
    const place = endpoint === null ? `in ${region}` : `at ${endpoint}`
    throw new ConfigurationError(
      `The bucket "${Bucket}" ${place} cannot be used: ${reasonOf(error)}. Check S3_BUCKET, S3_REGION, S3_ENDPOINT and the credentials, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,
      { cause: error },
    )
  }
  const start = prefix === '' ? '' : `${prefix}/`
  return {
    client,
    /** @throws Error when it is no storage key */
    locate: (key: string): ObjectPlace => {
      checkKey(key)
      return { Bucket, Key: `${start}${key}` }
    },
    /** The storage key of an object of ours. */
    keyOf: (objectKey: string) => objectKey.slice(start.length),
  }
}

function createClient({ region, endpoint, forcePathStyle }: S3Config): S3Client {
  return new S3Client({
    region,
    ...(endpoint !== null && { endpoint }),
    forcePathStyle,
    // Other stores than Amazon's do not know the checksums that the client would add of itself.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: connectMilliseconds,
      requestTimeout: answerMilliseconds,
      throwOnRequestTimeout: true,
    },
  })
}

import { z } from 'zod'
import { address, flag } from './values.ts'

/** A bucket of S3, or of a store that speaks its language. */
export type S3Config = {
  bucket: string
  region: string
  /** Address of the store; null means Amazon's. */
  endpoint: string | null
  /** Folder in the bucket, without slashes around it; empty for none. */
  prefix: string
  /** Whether the bucket stands in the path of an address, and not in the name of the host. */
  forcePathStyle: boolean
}

export const s3Variables = z.object({
  S3_BUCKET: z
    .string()
    .regex(/^[A-Za-z0-9][\w.-]{1,61}[A-Za-z0-9]$/, {
      error: 'has to be the name of a bucket, such as reports',
    })
    .optional(),
  S3_REGION: z
    .string()
    .regex(/^[a-z0-9-]+$/, { error: 'has to be a region, such as eu-central-1' })
    .optional(),
  S3_ENDPOINT: address('https://s3.example.com').optional(),
  S3_PREFIX: z
    .string()
    .regex(/^\w[\w-]*(\/\w[\w-]*)*$/, {
      error: 'has to be a folder such as production/reports, of letters, digits, _ and -',
    })
    .optional(),
  S3_FORCE_PATH_STYLE: flag().optional(),
})

type S3Variables = z.infer<typeof s3Variables>

/** Sentences on variables that say more of a bucket when there is none. */
export function checkS3(variables: S3Variables): string[] {
  if (variables.S3_BUCKET !== undefined) return []
  const names = ['S3_REGION', 'S3_ENDPOINT', 'S3_PREFIX', 'S3_FORCE_PATH_STYLE'] as const
  return names
    .filter((name) => variables[name] !== undefined)
    .map((name) => `${name} is of no use without S3_BUCKET; it is ${JSON.stringify(variables[name])}.`)
}

/** Null when no bucket is given. */
export function readS3(variables: S3Variables): S3Config | null {
  const { S3_BUCKET, S3_REGION, S3_ENDPOINT, S3_PREFIX, S3_FORCE_PATH_STYLE } = variables
  if (S3_BUCKET === undefined) return null
  return {
    bucket: S3_BUCKET,
    region: S3_REGION ?? 'us-east-1',
    endpoint: S3_ENDPOINT ?? null,
    prefix: S3_PREFIX ?? '',
    // Few but Amazon give each bucket a host of its own.
    forcePathStyle: S3_FORCE_PATH_STYLE ?? S3_ENDPOINT !== undefined,
  }
}

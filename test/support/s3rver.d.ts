declare module '@20minutes/s3rver' {
  import type { RequestListener } from 'node:http'

  type S3rverOptions = {
    /** Folder that it keeps objects in. */
    directory: string
    silent: boolean
    /** Whether a signature may be wrong, as long as its key is known. */
    allowMismatchedSignatures?: boolean
    configureBuckets: { name: string }[]
  }

  /** An HTTP server that answers as S3 does; its only key is S3RVER, with the secret S3RVER. */
  class S3rver {
    constructor(options: S3rverOptions)
    configureBuckets(): Promise<unknown>
    callback(): RequestListener
  }

  export = S3rver
}

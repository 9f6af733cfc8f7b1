import { type RequestJob, requestFigures } from '../framework/request-side.ts'
import type { Figure } from '../framework/result.ts'

/** What a side at a fixed rate measures. The time of a request counts from the moment at which it was due. */
export const pacedFigures: readonly Figure[] = requestFigures

/** The same requests at a fixed rate that leaves the server idle for most of the time. */
export function pacedJob(job: RequestJob): RequestJob {
  return { ...job, rate: 50 }
}

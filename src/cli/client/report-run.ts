import { ClientError } from './client-error.ts'
import { type GatewayAddress, requestGraphql } from './request-graphql.ts'

export type ReportFile = {
  filename: string
  /** A whole number, as text: it may not fit into 32 bits. */
  byteSize: string
  /** 64 hex digits, of the bytes as they are sent. */
  sha256: string
  /** Null when the file has been erased. */
  download: { url: string } | null
}

export type ReportRun = {
  id: string
  /** Grows with each change. */
  version: number
  /** New values may be added: branch on `isFinal` and on the values you know. */
  status: string
  isFinal: boolean
  livemode: boolean
  parameters: Record<string, unknown>
  progress: {
    percent: number | null
    rowsWritten: string
    rowsExpected: string | null
    stage: string | null
    measuredAt: string
    estimatedFinishAt: string | null
  } | null
  failure: { message: string; traceId: string } | null
  cancellation: { reason: string | null; requestedBy: { displayName: string } | null } | null
  result: { rowCount: string; files: ReportFile[] } | null
}

/** What this client reads of a run; the link to the file is made anew at each read. */
export const reportRunFields = `
  id version status isFinal livemode parameters
  progress { percent rowsWritten rowsExpected stage measuredAt estimatedFinishAt }
  failure { message traceId }
  cancellation { reason requestedBy { displayName } }
  result { rowCount files { filename byteSize sha256 download { url } } }
`

const userErrorFields = 'message path ... on InputError { allowed }'
type UserError = { message: string; path: string[] | null; allowed?: string[] | null }
type Payload = { reportRun: ReportRun | null; userErrors: UserError[] } | null

/** A parameter of a report type, as the catalogue describes it. */
export type ReportParameter = { name: string; isList: boolean }

/** The parameters that a report type takes; null when there is no such type. */
export async function fetchReportParameters(
  gateway: GatewayAddress,
  type: string,
): Promise<ReportParameter[] | null> {
  const { node } = await requestGraphql<{ node: { parameters?: ReportParameter[] } | null }>(
    gateway,
    'query ($type: ID!) { node(id: $type) { ... on ReportType { parameters { name isList } } } }',
    { type },
  )
  return node?.parameters ?? null
}

export type CreateReportRunInput = {
  report: { custom: { type: string; parameters: Record<string, unknown> } }
  output: { formats?: string[]; compression?: string }
  label?: string
}

/**
 * Asks for a report; the run goes on by itself.
 *
 * @throws ClientError with a line for each mistake in the input; then nothing was created
 */
export async function createReportRun(
  gateway: GatewayAddress,
  input: CreateReportRunInput,
): Promise<ReportRun> {
  const { createReportRun: payload } = await requestGraphql<{ createReportRun: Payload }>(
    gateway,
    `mutation ($input: CreateReportRunInput!) {
      createReportRun(input: $input) { reportRun { ${reportRunFields} } userErrors { ${userErrorFields} } }
    }`,
    { input },
  )
  return runOf(payload)
}

/**
 * Asks a run to stop.
 *
 * @throws ClientError when the run has ended before
 */
export async function cancelReportRun(
  gateway: GatewayAddress,
  id: string,
  reason: string,
): Promise<ReportRun> {
  const { cancelReportRun: payload } = await requestGraphql<{ cancelReportRun: Payload }>(
    gateway,
    `mutation ($id: ID!, $reason: String) {
      cancelReportRun(id: $id, reason: $reason) {
        reportRun { ${reportRunFields} } userErrors { ${userErrorFields} }
      }
    }`,
    { id, reason },
  )
  return runOf(payload)
}

/** @throws ClientError when there is no such run */
export async function fetchReportRun(
  gateway: GatewayAddress,
  id: string,
  signal: AbortSignal,
): Promise<ReportRun> {
  const { reportRun } = await requestGraphql<{ reportRun: ReportRun | null }>(
    gateway,
    `query ($id: ID!) { reportRun(id: $id) { ${reportRunFields} } }`,
    { id },
    signal,
  )
  if (!reportRun) throw new ClientError(`There is no run ${id} any more.`)
  return reportRun
}

function describe({ message, path, allowed }: UserError): string {
  const place = path ? ` (${path.join('.')})` : ''
  return `${message}${place}${allowed ? ` Allowed: ${allowed.join(', ')}` : ''}`
}

/** Mistakes of the request come as data in the payload, and not as GraphQL errors. */
function runOf(payload: Payload): ReportRun {
  if (payload?.reportRun) return payload.reportRun
  throw new ClientError(
    payload?.userErrors.map(describe).join('\n') || 'The gateway gave neither a run nor a reason.',
  )
}

import type { initGraphQLTada, ResultOf, VariablesOf } from 'gql.tada'
import { concatAST, type DocumentNode, parse } from 'graphql'
import { ClientError } from './client-error.ts'
import type { Introspection } from './generated/introspection.ts'
import { type GatewayAddress, requestGraphql } from './request-graphql.ts'

type TypedGraphql = ReturnType<
  typeof initGraphQLTada<{
    introspection: Introspection
    disableMasking: true
    // BigInt values arrive as text, because they may not fit into 32 bits.
    scalars: { BigInt: string; DateTime: string; JSONObject: Record<string, unknown>; URL: string }
  }>
>

// gql.tada is a development dependency and provides only the types; `parse` of graphql replaces its function. The cast is
// necessary because TypeScript cannot infer the types from the text.
const graphql = ((text: string, fragments: readonly DocumentNode[] = []): DocumentNode =>
  concatAST([parse(text), ...fragments])) as TypedGraphql

/** The fields of a run that this client reads. The gateway signs the link to the file at each read. */
const runFields = graphql(`
  fragment Run on ReportRun {
    id version status isFinal livemode reportType { name }
    progress { percent rowsWritten rowsExpected stage measuredAt estimatedFinishAt }
    failure { message traceId }
    cancellation { reason requestedBy { displayName } }
    result { rowCount files { filename byteSize sha256 download { url } } }
  }
`)

const errorFields = graphql('fragment Error on UserError { message path ... on InputError { allowed } }')

const parametersQuery = graphql(`
  query ($type: ID!) { node(id: $type) { ... on ReportType { parameters { name isList } } } }
`)

const createMutation = graphql(
  `mutation ($input: CreateReportRunInput!) {
    createReportRun(input: $input) { reportRun { ...Run } userErrors { ...Error } }
  }`,
  [runFields, errorFields],
)

const cancelMutation = graphql(
  `mutation ($input: CancelReportRunInput!) {
    cancelReportRun(input: $input) { reportRun { ...Run } userErrors { ...Error } }
  }`,
  [runFields, errorFields],
)

const runQuery = graphql('query ($id: ID!) { reportRun(id: $id) { ...Run } }', [runFields])

export const runSubscription = graphql('subscription ($id: ID!) { reportRun(id: $id) { ...Run } }', [
  runFields,
])

export type ReportRun = ResultOf<typeof runFields>
export type ReportFile = NonNullable<ReportRun['result']>['files'][number]
export type CreateReportRunInput = VariablesOf<typeof createMutation>['input']
/** A parameter of a report type, as the catalog describes it. */
export type ReportParameter = { name: string; isList: boolean }

/** Reads the parameters of a report type; none for an unknown type, which the gateway rejects when a run is created. */
export async function fetchReportParameters(
  gateway: GatewayAddress,
  type: string,
): Promise<readonly ReportParameter[]> {
  const { node } = await requestGraphql(gateway, parametersQuery, { type })
  return node && 'parameters' in node ? node.parameters : []
}

/** @throws ClientError with a line for each error in the input; then no run was created */
export async function createReportRun(
  gateway: GatewayAddress,
  input: CreateReportRunInput,
): Promise<ReportRun> {
  return runOf((await requestGraphql(gateway, createMutation, { input })).createReportRun)
}

/** @throws ClientError when the run has already ended */
export async function cancelReportRun(
  gateway: GatewayAddress,
  id: string,
  reason: string,
): Promise<ReportRun> {
  return runOf((await requestGraphql(gateway, cancelMutation, { input: { id, reason } })).cancelReportRun)
}

/** @throws ClientError when there is no such run */
export async function fetchReportRun(
  gateway: GatewayAddress,
  id: string,
  signal: AbortSignal,
): Promise<ReportRun> {
  const { reportRun } = await requestGraphql(gateway, runQuery, { id }, signal)
  if (!reportRun) throw new ClientError(`The run ${id} does not exist any more.`)
  return reportRun
}

function describe(error: ResultOf<typeof errorFields>): string {
  const path = error.path ? ` (${error.path.join('.')})` : ''
  const allowed = ('allowed' in error && error.allowed?.join(', ')) || null
  const isListed = allowed === null || error.message.includes(allowed)
  return `${error.message}${path}${isListed ? '' : ` Allowed: ${allowed}`}`
}

/** Input errors are data in the payload, not GraphQL errors. */
function runOf(payload: ResultOf<typeof createMutation>['createReportRun']): ReportRun {
  if (payload?.reportRun) return payload.reportRun
  throw new ClientError(
    payload?.userErrors.map(describe).join('\n') || 'The gateway returned neither a run nor an error.',
  )
}

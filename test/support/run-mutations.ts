import type { GraphqlClient, Variables } from './graphql-client.ts'

export type ShownRun = {
  id: string
  version: number
  status: string
  label: string | null
  tags: string[]
  metadata: Record<string, unknown>
  parameters: Record<string, unknown>
  origin: string
  attempt: number
  expiresAt: string | null
  retryOf: { id: string } | null
}

export type ShownError = {
  __typename: string
  code: string
  message: string
  path: string[] | null
  allowed?: string[] | null
  limit?: number
  retryAfter?: string
  existingRun?: { id: string } | null
  reportRun?: { id: string; status: string } | null
}

export type RunPayload = { reportRun: ShownRun | null; userErrors: ShownError[] }
export type NewRunPayload = RunPayload & { wasReused: boolean; eventCursor: string | null }

export const runFields =
  'id version status label tags metadata parameters origin attempt expiresAt retryOf { id }'
const errorFields = `__typename code message path
  ... on InputError { allowed }
  ... on LimitError { limit retryAfter }
  ... on IdempotencyError { existingRun { id } }
  ... on StatusError { reportRun { id status } }`
const payload = `reportRun { ${runFields} } userErrors { ${errorFields} }`

/** An input that requests `slowReport`; `input` has further fields of `CreateReportRunInput`. */
export function slowInput(input: Variables = {}, parameters: Variables = {}): Variables {
  return {
    report: { byName: { name: 'test.slow.1', parameters } },
    ...input,
  }
}

export const createDocument = `mutation ($input: CreateReportRunInput!) {
  createReportRun(input: $input) { wasReused eventCursor ${payload} } }`

export async function create(client: GraphqlClient, input: Variables): Promise<NewRunPayload> {
  return (await client.request<{ createReportRun: NewRunPayload }>(createDocument, { input })).createReportRun
}

/** Creates a run and returns it; throws when the request is rejected. */
export async function created(client: GraphqlClient, input: Variables = slowInput()): Promise<ShownRun> {
  const { reportRun, userErrors } = await create(client, input)
  if (!reportRun) throw new Error(JSON.stringify(userErrors))
  return reportRun
}

export async function retry(
  client: GraphqlClient,
  id: string,
  idempotencyKey?: string,
): Promise<NewRunPayload> {
  const { retryReportRun } = await client.request<{ retryReportRun: NewRunPayload }>(
    `mutation ($id: ID!, $idempotencyKey: String) {
      retryReportRun(input: { id: $id, idempotencyKey: $idempotencyKey }) { wasReused eventCursor ${payload} } }`,
    { id, idempotencyKey },
  )
  return retryReportRun
}

export async function update(client: GraphqlClient, id: string, changes: Variables): Promise<RunPayload> {
  const { updateReportRun } = await client.request<{ updateReportRun: RunPayload }>(
    `mutation ($input: UpdateReportRunInput!) { updateReportRun(input: $input) { ${payload} } }`,
    { input: { id, ...changes } },
  )
  return updateReportRun
}

export async function deleteRun(
  client: GraphqlClient,
  id: string,
): Promise<{ deletedId: string | null; userErrors: ShownError[] }> {
  const { deleteReportRun } = await client.request<{
    deleteReportRun: { deletedId: string | null; userErrors: ShownError[] }
  }>(
    `mutation ($id: ID!) { deleteReportRun(input: { id: $id }) { deletedId userErrors { ${errorFields} } } }`,
    { id },
  )
  return deleteReportRun
}

export async function cancel(client: GraphqlClient, id: string): Promise<void> {
  await client.request('mutation ($id: ID!) { cancelReportRun(input: { id: $id }) { reportRun { id } } }', {
    id,
  })
}

import type { ReportRun } from '../../src/postgres/generated/prisma/client.ts'
import type { GraphqlClient } from './graphql-client.ts'

export const orderFields = ['CREATED_AT', 'FINISHED_AT', 'BYTE_SIZE', 'RUN_DURATION'] as const
export type ListOrder = { field: (typeof orderFields)[number]; direction: 'ASC' | 'DESC' }
export type ListFilter = {
  statuses?: ReportRun['status'][]
  reportTypes?: string[]
  allTags?: string[]
  anyTags?: string[]
  createdAt?: { start?: string; end?: string }
  finishedAt?: { start?: string; end?: string }
}
export type PageArguments = { first?: number; after?: string; last?: number; before?: string }
export type Page = {
  edges: { cursor: string; node: { id: string } }[]
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string; endCursor: string }
}

export const listQuery = `query (
  $first: Int, $after: String, $last: Int, $before: String, $filter: ReportRunFilterInput, $orderBy: ReportRunOrderInput
) {
  reportRuns(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`

/** Reads one page of the list of runs. */
export async function listPage(
  client: GraphqlClient,
  page: PageArguments,
  filter?: ListFilter,
  orderBy?: ListOrder,
): Promise<Page> {
  const { reportRuns } = await client.request<{ reportRuns: Page }>(listQuery, { ...page, filter, orderBy })
  return reportRuns
}

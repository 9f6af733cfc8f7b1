import type { GraphqlClient, Variables } from './graphql-client.ts'
import type { ShownError } from './run-mutations.ts'

export type ShownSchedule = {
  id: string
  label: string | null
  tags: string[]
  interval: string | null
  parameters: Record<string, unknown>
  output: { formats: string[]; compression: string; retention: string }
  trigger: { cron: { expression: string; timezone: string } | null; onDataAvailable: string | null }
  isActive: boolean
  nextRunAt: string | null
  coveredUntil: string | null
  lastError: string | null
  requestedBy: { id: string } | null
  runs: { nodes: ScheduledRun[]; totalCount: number }
}

export type ScheduledRun = {
  id: string
  origin: string
  tags: string[]
  label: string | null
  parameters: { interval_start: string; interval_end: string; timezone?: string }
  schedule: { id: string } | null
  requestedBy: { id: string } | null
}

export type SchedulePayload = { reportSchedule: ShownSchedule | null; userErrors: ShownError[] }

export const yearly = { cron: { expression: '0 6 1 1 *' } }

export const scheduleFields = `id label tags interval parameters output { formats compression retention } isActive nextRunAt coveredUntil lastError
  trigger { cron { expression timezone } onDataAvailable } requestedBy { id }
  runs { totalCount nodes { id origin tags label parameters schedule { id } requestedBy { id } } }`
const payload = `reportSchedule { ${scheduleFields} }
  userErrors { __typename code message path ... on InputError { allowed } }`

export async function createSchedule(client: GraphqlClient, input: Variables): Promise<SchedulePayload> {
  const { createReportSchedule } = await client.request<{ createReportSchedule: SchedulePayload }>(
    `mutation ($input: CreateReportScheduleInput!) { createReportSchedule(input: $input) { ${payload} } }`,
    { input },
  )
  return createReportSchedule
}

/** Creates a schedule of `slowReport`, once a year by default, and returns its id; throws when it is rejected. */
export async function createdSchedule(client: GraphqlClient, input: Variables = {}): Promise<string> {
  const report = { byName: { name: 'test.slow.1', parameters: {} } }
  const { reportSchedule, userErrors } = await createSchedule(client, { report, trigger: yearly, ...input })
  if (!reportSchedule) throw new Error(JSON.stringify(userErrors))
  return reportSchedule.id
}

export async function updateSchedule(
  client: GraphqlClient,
  id: string,
  changes: Variables,
): Promise<SchedulePayload> {
  const { updateReportSchedule } = await client.request<{ updateReportSchedule: SchedulePayload }>(
    `mutation ($input: UpdateReportScheduleInput!) {
      updateReportSchedule(input: $input) { ${payload} } }`,
    { input: { id, ...changes } },
  )
  return updateReportSchedule
}

/** The current state of a schedule; throws when there is none. */
export async function scheduleNow(client: GraphqlClient, id: string): Promise<ShownSchedule> {
  const { node } = await client.request<{ node: ShownSchedule | null }>(
    `query ($id: ID!) { node(id: $id) { ... on ReportSchedule { ${scheduleFields} } } }`,
    { id },
  )
  if (!node) throw new Error(`There is no schedule ${id}.`)
  return node
}

import { createHash } from 'node:crypto'
import { parse } from 'csv-parse/sync'
import type { TestAccount } from './gateway.ts'
import type { Variables } from './graphql-client.ts'

export type UserErrorAnswer = {
  code: string
  message: string
  path: string[] | null
  allowed?: string[] | null
}

export type CreateAnswer = {
  createReportRun: { reportRun: { id: string } | null; userErrors: UserErrorAnswer[] }
}

const createRun = `mutation ($input: CreateReportRunInput!) {
  createReportRun(input: $input) {
    reportRun { id }
    userErrors { code message path ... on InputError { allowed } }
  }
}`

/** Requests a report, and returns its id or the user errors. `report` is a `ReportInput` as JSON. */
export async function requestReport({ client }: TestAccount, report: Variables) {
  return (await client.request<CreateAnswer>(createRun, { input: { report } })).createReportRun
}

type EndedRun = {
  status: string
  failure: { code: string; message: string } | null
  parameters: Record<string, unknown>
  result: {
    rowCount: string
    isEmpty: boolean
    columns: { name: string; type: string }[]
    files: { byteSize: string; sha256: string; download: { url: string } }[]
  } | null
}

const followRun = `subscription ($id: ID!) {
  reportRun(id: $id) {
    status
    failure { code message }
    parameters
    result { rowCount isEmpty columns { name type } files { byteSize sha256 download { url } } }
  }
}`

export type FinishedReport = {
  id: string
  /** Validated parameters. */
  parameters: Record<string, unknown>
  columns: { name: string; type: string }[]
  /** The whole file. */
  text: string
  sha256: string
  /** Column names from the first line. */
  header: string[]
  /** The other lines, by column name; an empty field is ''. */
  rows: Record<string, string>[]
}

async function followToEnd({ client }: TestAccount, id: string): Promise<EndedRun> {
  let last: EndedRun | undefined
  for await (const { data, errors } of client.subscribe<{ reportRun: EndedRun }>(followRun, { id })) {
    if (errors) throw new Error(`Failed to follow the run ${id}: ${JSON.stringify(errors)}`)
    last = data?.reportRun
  }
  if (!last) throw new Error(`The subscription to the run ${id} returned nothing.`)
  return last
}

/**
 * Runs a report from the mutation to the downloaded file, which an independent CSV library parses. Throws unless the run
 * succeeds and reports the correct size, hash and number of rows.
 */
export async function runReport(account: TestAccount, report: Variables): Promise<FinishedReport> {
  const { reportRun, userErrors } = await requestReport(account, report)
  if (!reportRun) throw new Error(`${JSON.stringify(report)} was rejected: ${JSON.stringify(userErrors)}`)
  const { status, failure, parameters, result } = await followToEnd(account, reportRun.id)
  const [file] = result?.files ?? []
  if (!result || !file) {
    throw new Error(`${JSON.stringify(report)} ended as ${status}: ${JSON.stringify(failure)}`)
  }
  const response = await fetch(file.download.url)
  const bytes = Buffer.from(await response.arrayBuffer())
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  const [header = [], ...lines] = parse(text)
  const reported = [file.sha256, file.byteSize, result.rowCount, result.isEmpty]
  const actual = [sha256, String(bytes.length), String(lines.length), lines.length === 0]
  if (!response.ok || JSON.stringify(reported) !== JSON.stringify(actual)) {
    throw new Error(
      `The file of ${reportRun.id} is ${response.status} ${actual}, but the run reports ${reported}.`,
    )
  }
  const rows = lines.map((line) => Object.fromEntries(line.map((field, i) => [header[i] ?? '', field])))
  return { id: reportRun.id, parameters, columns: result.columns, text, sha256, header, rows }
}

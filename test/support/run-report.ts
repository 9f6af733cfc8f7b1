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

/** Asks for a report; its id or what was wrong with it. `report` is a `ReportInput` as JSON. */
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
  /** Parameters as accepted. */
  parameters: Record<string, unknown>
  columns: { name: string; type: string }[]
  /** The whole file. */
  text: string
  sha256: string
  /** Names in the first line. */
  header: string[]
  /** The other lines, each by the names in the header; an empty field is ''. */
  rows: Record<string, string>[]
}

async function followToEnd({ client }: TestAccount, id: string): Promise<EndedRun> {
  let last: EndedRun | undefined
  for await (const { data, errors } of client.subscribe<{ reportRun: EndedRun }>(followRun, { id })) {
    if (errors) throw new Error(`Run ${id} could not be followed: ${JSON.stringify(errors)}`)
    last = data?.reportRun
  }
  if (!last) throw new Error(`Nothing was heard of run ${id}.`)
  return last
}

/**
 * Runs a report from the mutation to the downloaded file, parsed by a CSV library of its own. Fails unless it
 * succeeds, and unless size, hash and number of rows are what the run says.
 */
export async function runReport(account: TestAccount, report: Variables): Promise<FinishedReport> {
  const { reportRun, userErrors } = await requestReport(account, report)
  if (!reportRun) throw new Error(`${JSON.stringify(report)} was refused: ${JSON.stringify(userErrors)}`)
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
  const told = [file.sha256, file.byteSize, result.rowCount, result.isEmpty]
  const found = [sha256, String(bytes.length), String(lines.length), lines.length === 0]
  if (!response.ok || JSON.stringify(told) !== JSON.stringify(found)) {
    throw new Error(`The file of ${reportRun.id} is ${response.status} ${found}, not ${told}.`)
  }
  const rows = lines.map((line) => Object.fromEntries(line.map((field, i) => [header[i] ?? '', field])))
  return { id: reportRun.id, parameters, columns: result.columns, text, sha256, header, rows }
}

import { setTimeout as delay } from 'node:timers/promises'
import { ask } from './equal-answers.ts'

export type FinishedRun = {
  id: string
  /** From the start of the run to its end, as the gateway measures it. */
  seconds: number
  rowCount: number
  files: { byteSize: number; sha256: string; url: string }[]
}

type RunAnswer = {
  reportRun: {
    status: string
    isFinal: boolean
    startedAt: string
    finishedAt: string
    failure: { message: string } | null
    result: {
      rowCount: string
      files: { byteSize: string; sha256: string; download: { url: string } }[]
    } | null
  }
}

const createQuery = `mutation ($input: CreateReportRunInput!) {
  createReportRun(input: $input) { reportRun { id } userErrors { message } }
}`
const readQuery = `query ($id: ID!) {
  reportRun(id: $id) {
    status isFinal startedAt finishedAt failure { message }
    result { rowCount files { byteSize sha256 download { url } } }
  }
}`

type Client = { url: string; key: string }

/** Requests a run and gives its id. @throws Error when it is refused */
export async function createRun(client: Client, input: object): Promise<string> {
  // The answers to the two queries have these forms.
  const { createReportRun } = (await ask({
    ...client,
    body: JSON.stringify({ query: createQuery, variables: { input } }),
  })) as { createReportRun: { reportRun: { id: string } | null } }
  if (!createReportRun.reportRun) throw new Error(`The run was refused: ${JSON.stringify(createReportRun)}`)
  return createReportRun.reportRun.id
}

/** Waits for the end of a run. @throws Error unless it succeeds */
export async function waitForRun(client: Client, id: string): Promise<FinishedRun> {
  while (true) {
    const body = JSON.stringify({ query: readQuery, variables: { id } })
    const { reportRun } = (await ask({ ...client, body })) as RunAnswer
    const { status, isFinal, startedAt, finishedAt, failure, result } = reportRun
    if (!isFinal) {
      await delay(100)
      continue
    }
    if (!result) throw new Error(`The run ${id} ended as ${status}: ${failure?.message}`)
    return {
      id,
      seconds: (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000,
      rowCount: Number(result.rowCount),
      files: result.files.map(({ byteSize, sha256, download: { url } }) => ({
        byteSize: Number(byteSize),
        sha256,
        url,
      })),
    }
  }
}

/** Runs a report to its end. */
export async function runReport(client: Client, input: object): Promise<FinishedRun> {
  return waitForRun(client, await createRun(client, input))
}

/** Cancels a run and waits for its end. Returns false when it had ended before. */
export async function cancelRun(client: Client, id: string): Promise<boolean> {
  const query =
    'mutation ($id: ID!) { cancelReportRun(input: {id: $id}) { reportRun { status } userErrors { code } } }'
  const body = JSON.stringify({ query, variables: { id } })
  // The answers to the two queries have these forms.
  const { cancelReportRun } = (await ask({ ...client, body })) as {
    cancelReportRun: { userErrors: unknown[] }
  }
  while (true) {
    const state = (await ask({
      ...client,
      body: JSON.stringify({ query: readQuery, variables: { id } }),
    })) as RunAnswer
    if (state.reportRun.isFinal) return cancelReportRun.userErrors.length === 0
    await delay(100)
  }
}

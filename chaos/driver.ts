import { setTimeout as delay } from 'node:timers/promises'
import { createGraphqlClient, type GraphqlClient } from '../test/support/graphql-client.ts'
import type { Random } from './random.ts'
import { surpriseIn } from './surprises.ts'

export type DriverOptions = {
  keys: ReadonlyMap<string, string>
  /** Where gateways can be reached. */
  urls: readonly string[]
  random: Random
  signal: AbortSignal
}

export type Acknowledged = {
  account: string
  idempotencyKey: string
  /** All ids that answers returned for the key; there must be exactly one. */
  ids: Set<string>
}

export type Driver = {
  /** Requests a run until it is acknowledged; then, at random, cancels, changes, retries or deletes it. */
  submit(number: number): Promise<void>
  acknowledged: Acknowledged[]
  /** Answers that were neither data nor an error that asks to try again. */
  surprises: string[]
}

type Answer = {
  /** Null when the mutation failed. */
  answer: { reportRun?: { id: string } | null; userErrors: { code: string; message: string }[] } | null
}

const createMutation = `mutation ($key: String!, $parameters: JSONObject!) {
  answer: createReportRun(input: { idempotencyKey: $key, report: { byName: { name: "test.slow.1", parameters: $parameters } } }) {
    reportRun { id } wasReused userErrors { code message } } }`
const retryMutation = `mutation ($id: ID!, $key: String!) {
  answer: retryReportRun(input: { id: $id, idempotencyKey: $key }) { reportRun { id } userErrors { code message } } }`
const cancelMutation =
  'mutation ($id: ID!) { answer: cancelReportRun(input: { id: $id }) { userErrors { code message } } }'
const updateMutation = `mutation ($id: ID!) {
  answer: updateReportRun(input: { id: $id, label: "Changed" }) { userErrors { code message } } }`
const deleteMutation =
  'mutation ($id: ID!) { answer: deleteReportRun(input: { id: $id }) { userErrors { code message } } }'

/** User errors that a client must expect, because the run can change before the client acts on it. */
const expected = new Set(['WRONG_STATUS', 'NOT_FOUND'])

export function createDriver({ keys, urls, random, signal }: DriverOptions): Driver {
  const accounts = [...keys.keys()]
  const acknowledged: Acknowledged[] = []
  const surprises: string[] = []

  const clientOf = (account: string): GraphqlClient =>
    createGraphqlClient(random.pick(urls), keys.get(account) ?? null)

  /** Sends until there is an answer. The key makes repeated attempts safe, because a lost one may have worked. */
  const sendUntilAnswered = async (account: string, mutation: string, variables: Record<string, unknown>) => {
    while (!signal.aborted) {
      try {
        const { data, errors } = await clientOf(account).execute<Answer>(mutation, variables)
        if (data?.answer) return data.answer
        const surprise = surpriseIn(errors)
        if (surprise !== null) surprises.push(surprise)
      } catch {
        // The gateway was killed, paused or cut off: another one may answer.
      }
      await delay(random.between(50, 500), undefined, { signal }).catch(() => {})
    }
    return null
  }

  const note = (codes: { code: string; message: string }[]): void => {
    surprises.push(...codes.filter(({ code }) => !expected.has(code)).map(({ message }) => message))
  }

  const obtain = async (
    account: string,
    idempotencyKey: string,
    mutation: string,
    variables: Record<string, unknown>,
  ): Promise<string | null> => {
    const entry: Acknowledged = { account, idempotencyKey, ids: new Set() }
    // Sometimes two clients send the same request at once.
    const twins = random.chance(0.1) ? 2 : 1
    const send = () => sendUntilAnswered(account, mutation, { ...variables, key: idempotencyKey })
    const answers = await Promise.all(Array.from({ length: twins }, send))
    for (const answer of answers) {
      if (answer?.reportRun) entry.ids.add(answer.reportRun.id)
      note(answer?.userErrors ?? [])
    }
    if (entry.ids.size > 0) acknowledged.push(entry)
    return [...entry.ids][0] ?? null
  }

  const act = async (account: string, id: string, mutation: string): Promise<void> => {
    const answer = await sendUntilAnswered(account, mutation, { id })
    note(answer?.userErrors ?? [])
  }

  return {
    acknowledged,
    surprises,
    submit: async (number) => {
      const account = random.pick(accounts)
      const rows = String(random.between(0, 20))
      const parameters = { rows, row_seconds: random.pick(['0', '0.01', '0.05']), width: '400' }
      const id = await obtain(account, `run-${number}`, createMutation, { parameters })
      if (id === null) return
      if (random.chance(0.15)) await act(account, id, cancelMutation)
      if (random.chance(0.1)) await act(account, id, updateMutation)
      if (random.chance(0.1)) await obtain(account, `retry-${number}`, retryMutation, { id })
      if (random.chance(0.03)) await act(account, id, deleteMutation)
    },
  }
}

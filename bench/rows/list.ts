import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask, checkEqualAnswers } from '../framework/equal-answers.ts'
import { startOurs } from '../framework/ours.ts'
import { startPeer } from '../framework/peers.ts'
import type { PinnedProcess } from '../framework/pinned.ts'
import { type RequestJob, requestFigures, requestSide } from '../framework/request-side.ts'
import { type GoalResult, ratioGoal } from '../framework/result.ts'
import type { Row } from '../framework/row.ts'

const query = readFileSync(join(import.meta.dirname, '..', 'operations', 'list.graphql'), 'utf8')

/** Clients that read a page of the runs of an account, each as soon as its last request is answered. */
export function listJob(key: string, seconds: number, after: string | null = null): RequestJob {
  const request = { headers: { authorization: `Bearer ${key}` }, body: bodyAfter(after) }
  return { requests: [request], connections: 32, seconds, rate: null, isRepeatable: true }
}

export const list: Row = {
  name: 'list',
  work: 'A page of 20 runs with report type, result and files over HTTP, with an API key, from 32 connections that each send the next request when the last one is answered.',
  figures: requestFigures,
  chart: 'requests/s',
  peers: ['stock', 'postgraphile', 'floor'],
  async run(bench) {
    await using servers = new AsyncDisposableStack()
    const { accounts, environment } = await bench.runsDatabase()
    const [account] = accounts
    if (!account) throw new Error('The database has no account.')
    const ours = servers.use(await startOurs({ ...environment, ROLE: 'gateway' }))
    const titled = { ...environment, REPORT_TITLES: await reportTitles(ours, account.key) }
    const sides = new Map([['ours', ours]])
    for (const peer of ['stock', 'postgraphile', 'floor'] as const) {
      sides.set(peer, servers.use(await startPeer(peer, titled)))
    }
    await checkEqualAnswers(
      new Map([...sides].map(([name, { url }]) => [name, { url, key: account.key, body: bodyAfter(null) }])),
    )
    await bench.postgres.pinToLoad()
    const one = await bench.measure(
      'a page of 20 runs',
      [...sides].map(([name, process]) =>
        requestSide(name, process, listJob(account.key, bench.size.seconds)),
      ),
    )
    const goals: GoalResult[] = [
      ...ratioGoal(one, ['ours', 'stock'], 'requests/s', 'at least', 5),
      ...ratioGoal(one, ['ours', 'postgraphile'], 'requests/s', 'at least', 2.5),
      ...ratioGoal(one, ['ours', 'floor'], 'requests/s', 'at least', 0.6),
      ...ratioGoal(one, ['ours', 'stock'], 'p99', 'at most', 0.25),
    ]
    return { cases: [one], goals }
  },
}

/** The titles of the report types by name, which peers have no table for. */
async function reportTitles({ url }: PinnedProcess, key: string): Promise<string> {
  // The answer to this query has this form.
  const { reportTypes } = (await ask({
    url,
    key,
    body: JSON.stringify({ query: '{ reportTypes { nodes { name title } } }' }),
  })) as { reportTypes: { nodes: { name: string; title: string }[] } }
  return JSON.stringify(Object.fromEntries(reportTypes.nodes.map(({ name, title }) => [name, title])))
}

function bodyAfter(after: string | null): string {
  return JSON.stringify({ query, variables: { first: 20, after } })
}

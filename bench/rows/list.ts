import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask, checkEqualAnswers } from '../framework/equal-answers.ts'
import { sendLoad } from '../framework/load.ts'
import { startOurs } from '../framework/ours.ts'
import { startPeer } from '../framework/peers.ts'
import type { PinnedProcess } from '../framework/pinned.ts'
import { type GoalResult, ratioGoal } from '../framework/result.ts'
import type { Side } from '../framework/rounds.ts'
import type { Bench, Row } from '../framework/row.ts'

const query = readFileSync(join(import.meta.dirname, '..', 'operations', 'list.graphql'), 'utf8')
const body = JSON.stringify({ query, variables: { first: 20 } })
const connections = 32

export const list: Row = {
  name: 'list',
  work: 'A page of 20 runs with report type, result and files over HTTP, with an API key, from 32 connections that each send the next request when the last one is answered.',
  figures: [
    { name: 'requests/s', unit: '', decimals: 0 },
    { name: 'CPU', unit: 'ms', decimals: 2 },
    { name: 'p50', unit: 'ms', decimals: 1 },
    { name: 'p99', unit: 'ms', decimals: 1 },
  ],
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
      new Map([...sides].map(([name, { url }]) => [name, { url, key: account.key, body }])),
    )
    await bench.postgres.pinToLoad()
    const one = await bench.measure(
      'a page of 20 runs',
      [...sides].map(([name, process]) => listSide(bench, name, process, account.key)),
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

/** A side that answers the list query. */
function listSide({ size }: Bench, name: string, process: PinnedProcess, key: string): Side {
  return {
    name,
    measure: async () => {
      const before = process.cpuSeconds()
      const { requests, seconds, p50, p99 } = await sendLoad({
        url: `${process.url}/graphql`,
        requests: [{ headers: { authorization: `Bearer ${key}` }, body }],
        connections,
        seconds: size.seconds,
        rate: null,
        isRepeatable: true,
      })
      const cpu = ((process.cpuSeconds() - before) * 1000) / requests
      return { 'requests/s': requests / seconds, CPU: cpu, p50, p99 }
    },
  }
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

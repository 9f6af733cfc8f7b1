import { isDeepStrictEqual } from 'node:util'
import { ask } from '../framework/equal-answers.ts'
import { startOurs } from '../framework/ours.ts'
import { startPeer } from '../framework/peers.ts'
import { type PinnedProcess, socketLimit } from '../framework/pinned.ts'
import { type CaseResult, type GoalResult, medianOf, ratioGoal } from '../framework/result.ts'
import type { Side } from '../framework/rounds.ts'
import type { Bench, Row } from '../framework/row.ts'
import { heapOf } from './fan-out/heap.ts'
import { openSubscribers, type Subscribers, type Transport } from './fan-out/subscribers.ts'

/** Enough deliveries that the clock of the system, which counts in 10 ms, measures their processor time. */
const deliveriesEach = 30_000

const update =
  'mutation ($input: UpdateReportRunInput!) { updateReportRun(input: $input) { reportRun { label } } }'

type Server = { name: string; process: PinnedProcess; transports: readonly Transport[] }

export const fanOut: Row = {
  name: 'fan-out',
  work: 'One event to all subscribers of an account: `subscription { reportRunEvents { run { id status label } } }`, each on its own connection. The peers keep their events in memory.',
  figures: [
    { name: 'CPU per delivery', unit: 'µs', decimals: 1 },
    { name: 'to the last', unit: 'ms', decimals: 0 },
    { name: 'heap', unit: 'KiB', decimals: 1 },
    { name: 'memory', unit: 'KiB', decimals: 1 },
  ],
  chart: 'CPU per delivery',
  peers: ['stock', 'mercurius'],
  async run(bench) {
    const { accounts, database } = await bench.runsDatabase()
    const [account] = accounts
    const [run] = await database.query<{ id: string }>(
      `select id from report_runs where account_id = $1 and status = 'SUCCEEDED' order by id desc limit 1`,
      [account?.accountId],
    )
    if (!account || !run) throw new Error('The database has no run.')
    const target = { key: account.key, runId: run.id }
    const cases: CaseResult[] = []
    for (const transport of ['WebSocket', 'SSE'] as const)
      for (const count of [1_000, 10_000]) cases.push(await deliverTo(bench, transport, count, target))
    cases.push(await holdIdle(bench, target))
    return { cases, goals: goalsOf(cases) }
  },
}

async function startServers(
  bench: Bench,
  servers: AsyncDisposableStack,
  flags: string[] = [],
): Promise<Server[]> {
  const { environment } = await bench.runsDatabase()
  const sockets = {
    ROLE: 'gateway',
    MAX_SOCKETS_PER_KEY: '100000',
    MAX_SUBSCRIPTIONS_PER_KEY: '100000',
    // The load opens thousands of sockets at once, on a core that it shares.
    HANDSHAKE_SECONDS: '60',
  }
  const options = flags.length > 0 ? { NODE_OPTIONS: flags.join(' ') } : {}
  const ours = servers.use(await startOurs({ ...environment, ...sockets, ...options }))
  const stock = servers.use(await startPeer('stock', { ...environment, ...options }))
  const mercurius = servers.use(await startPeer('mercurius', options))
  await bench.postgres.pinToLoad()
  return [
    { name: 'ours', process: ours, transports: ['WebSocket', 'SSE'] },
    { name: 'stock', process: stock, transports: ['WebSocket', 'SSE'] },
    { name: 'mercurius', process: mercurius, transports: ['WebSocket'] },
  ]
}

type Target = { key: string; runId: string }

/** All sides hold their subscribers at the same time, and deliver in turns. */
async function deliverTo(
  bench: Bench,
  transport: Transport,
  wanted: number,
  target: Target,
): Promise<CaseResult> {
  await using open = new AsyncDisposableStack()
  const count = Math.max(10, Math.round(wanted * bench.size.scale))
  const servers = (await startServers(bench, open)).filter((one) => one.transports.includes(transport))
  const events = Math.max(1, Math.ceil((deliveriesEach * bench.size.scale) / count))
  const sides: Side[] = []
  const messages: unknown[] = []
  for (const { name, process } of servers) {
    const subscribers = open.use(await subscribe(process, transport, count, target))
    messages.push(payloadOf((await subscribers.deliver('the same for all')).message))
    sides.push({ name, measure: () => measureDeliveries(process, subscribers, events, count) })
  }
  for (const message of messages) {
    if (!isDeepStrictEqual(message, messages[0]))
      throw new Error(`One side sends ${JSON.stringify(messages[0])}, and another ${JSON.stringify(message)}`)
  }
  return await bench.measure(`${count.toLocaleString('en')} by ${transport}`, sides)
}

async function measureDeliveries(
  process: PinnedProcess,
  { deliver }: Subscribers,
  events: number,
  count: number,
) {
  const before = process.cpuSeconds()
  const times: number[] = []
  for (let number = 0; number < events; number++) times.push((await deliver(`event ${number}`)).milliseconds)
  const cpu = ((process.cpuSeconds() - before) * 1e6) / (events * count)
  const [median = Number.NaN] = times.sort((a, b) => a - b).slice(Math.floor(times.length / 2))
  return { 'CPU per delivery': cpu, 'to the last': median }
}

/** What an idle subscription occupies: the difference between many and none, each after a garbage collection. */
async function holdIdle(bench: Bench, target: Target): Promise<CaseResult> {
  await using open = new AsyncDisposableStack()
  const wanted = Math.max(10, Math.round(20_000 * bench.size.scale))
  const count = Math.min(wanted, socketLimit() - 300)
  if (count < wanted)
    bench.note(`A process may open ${socketLimit()} files here, so it holds ${count} idle subscriptions.`)
  const sides: Side[] = []
  for (const { name, process } of await startServers(bench, open, ['--inspect=127.0.0.1:0'])) {
    const before = { heap: await heapOf(process), memory: process.memoryBytes() }
    const subscribers = await subscribe(process, 'WebSocket', count, target)
    const heap = (await heapOf(process)) - before.heap
    const memory = process.memoryBytes() - before.memory
    await subscribers[Symbol.asyncDispose]()
    sides.push({ name, measure: async () => ({ heap: heap / count / 1024, memory: memory / count / 1024 }) })
  }
  // Memory does not vary as time does, so all rounds are the same measurement.
  return await bench.measure(`${count.toLocaleString('en')} idle WebSockets`, sides)
}

function subscribe({ url }: PinnedProcess, transport: Transport, count: number, { key, runId }: Target) {
  return openSubscribers(transport, { url, key, count }, (label) =>
    ask({ url, key, body: JSON.stringify({ query: update, variables: { input: { id: runId, label } } }) }),
  )
}

/** `data` of a message over WebSocket or SSE. */
function payloadOf(message: string): unknown {
  const parsed: { payload?: { data: unknown }; data?: unknown } = JSON.parse(message)
  return parsed.payload?.data ?? parsed.data
}

function goalsOf(cases: readonly CaseResult[]): GoalResult[] {
  return cases.flatMap((one): GoalResult[] => {
    if (one.name.includes('idle')) {
      const value = medianOf(one, 'ours', 'heap')
      return [{ what: `${one.name}: heap of each, KiB`, value, bound: 4, must: 'at most' }]
    }
    const value = medianOf(one, 'ours', 'CPU per delivery')
    return [
      { what: `${one.name}: CPU per delivery, µs`, value, bound: 7, must: 'at most' },
      ...ratioGoal(one, ['ours', 'stock'], 'CPU per delivery', 'at most', 0.2),
      ...ratioGoal(one, ['ours', 'mercurius'], 'CPU per delivery', 'at most', 0.2),
    ]
  })
}

// npm run chaos -- --runs 1000 --seed 7: creates runs while processes and connections are killed, and reports what failed.
// With --behind nginx, the clients reach the gateways through nginx.
import { parseArgs } from 'node:util'
import { type ChaosReport, runChaos } from './run-chaos.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now()) },
    behind: { type: 'string' },
  },
})
const runs = Number(values.runs)
const seed = Number(values.seed)
const behind = values.behind === 'nginx' ? values.behind : null
if (values.behind !== undefined && behind === null) {
  process.stderr.write('--behind takes only nginx.\n')
  process.exit(2)
}
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed) || seed < 0) {
  process.stderr.write('--runs must be a whole number of at least 1, and --seed one of at least 0.\n')
  process.exit(2)
}

function print(line: string): void {
  void process.stdout.write(`${line}\n`)
}
function table(title: string, rows: Iterable<readonly [string, string | number]>): void {
  print(`\n${title}`)
  for (const [name, value] of rows) print(`  ${name.padEnd(28)}${String(value).padStart(8)}`)
}

function show({ verdict, faults, runs: ended, ...rest }: ChaosReport): void {
  table('Faults', [...faults].sort())
  table('Runs', [...ended].sort())
  table('Clients', [
    ['events in the log', rest.events],
    ['events delivered to clients', rest.delivered],
    ['reconnections', rest.reconnects],
    ['seconds to the last end', rest.endedSeconds.toFixed(1)],
    ['seconds to the last event', rest.deliveredSeconds.toFixed(1)],
  ])
  table('Violations', [
    ['lost', verdict.lost],
    ['repeated', verdict.repeated],
    ['out of order', verdict.outOfOrder],
    ['stale', verdict.stale],
    ['ended twice', verdict.endedTwice],
    ['not ended or missing', verdict.leftHanging],
    ['duplicated', verdict.duplicated],
    ['stray files', verdict.strayFiles],
    ['unexpected answers', rest.surprises.length],
  ])
  for (const sentence of rest.missed) print(`  ${sentence}`)
  for (const surprise of new Set(rest.surprises)) print(`  ${surprise}`)
}

print(`Chaos with seed ${seed}.`)
const report = await runChaos({ runs, seed, behind, onProgress: print })
show(report)
const isClean = Object.values(report.verdict).every((count) => count === 0) && report.surprises.length === 0
process.exit(isClean ? 0 : 1)

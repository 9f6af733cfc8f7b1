// npm run bench [ROW ...]: measures the rows, all unless some are named, and writes tables, charts and figures to
// bench/results, from which docs/performance.md is made.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeCircumstances } from './framework/circumstances.ts'
import { openBench } from './framework/open-bench.ts'
import { installPeer } from './framework/peers.ts'
import { canPin } from './framework/pinned.ts'
import type { RowResult } from './framework/result.ts'
import type { Row, Size } from './framework/row.ts'
import { sections } from './framework/tables.ts'
import { writeResults } from './framework/write-results.ts'
import { rows } from './rows/rows.ts'

const results = join(import.meta.dirname, 'results')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '2000000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    scale: { type: 'string', default: '1' },
    out: { type: 'string', default: results },
    help: { type: 'boolean' },
  },
})

const help = `npm run bench [-- ROW ... [OPTIONS]]

Rows: ${rows.map(({ name }) => name).join(', ')}.

  --runs N      runs in the database of 100 accounts; default: 2000000
  --rounds N    rounds of each side; default: 5
  --seconds N   seconds of each round, where a row measures for a time; default: 3
  --scale X     multiplies subscribers, rows of reports and the like; default: 1
  --out FOLDER  folder for the results; default: bench/results
`

function print(line: string): void {
  void process.stdout.write(`${line}\n`)
}

function selectRows(names: readonly string[]): readonly Row[] {
  const unknown = names.filter((name) => !rows.some((row) => row.name === name))
  if (unknown.length > 0) throw new Error(`There is no row ${unknown.join(', ')}.\n\n${help}`)
  return names.length === 0 ? rows : rows.filter(({ name }) => names.includes(name))
}

function readSize(): Size {
  const { runs, rounds, seconds, scale } = values
  const size = { runs: Number(runs), rounds: Number(rounds), seconds: Number(seconds), scale: Number(scale) }
  for (const [name, value] of Object.entries(size)) {
    if (!(value > 0)) throw new Error(`--${name} must be a number above 0.\n\n${help}`)
  }
  return size
}

async function measureAll(chosen: readonly Row[], size: Size): Promise<void> {
  for (const peer of new Set(['chart' as const, ...chosen.flatMap(({ peers }) => peers)])) installPeer(peer)
  await using bench = await openBench(size, print)
  for (const row of chosen) {
    print(`\n# ${row.name}\n`)
    const notes: string[] = canPin
      ? []
      : ['The processes are not pinned to cores, because taskset or a second core is missing.']
    const { cases, goals } = await row.run(bench.forRow(notes))
    const { name, work, figures, peers } = row
    const circumstances = describeCircumstances(size, bench.postgres, peers)
    const result: RowResult = { name, work, figures, cases, goals, notes, circumstances }
    print(`\n${sections(result).join('\n\n')}`)
    await writeResults(values.out, result, row.chart)
  }
  if (values.out === results) {
    const script = join(import.meta.dirname, '..', 'docs', 'generate', 'write-pages.ts')
    execFileSync(process.execPath, [script], { stdio: 'inherit' })
  }
}

for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(1))
try {
  if (values.help) print(help)
  else await measureAll(selectRows(positionals), readSize())
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
  process.exitCode = 1
}

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { medianOf, type RowResult } from '../../bench/framework/result.ts'
import { sections, shortNumber } from '../../bench/framework/tables.ts'
import { rows } from '../../bench/rows/rows.ts'
import { generatedNote } from './generated-note.ts'

const folder = join(import.meta.dirname, '..', '..', 'bench', 'results')

/** The results that `npm run bench` has written, in its order of rows. */
export function readResults(): RowResult[] {
  const names = new Set(readdirSync(folder))
  return rows
    .filter(({ name }) => names.has(`${name}.json`))
    .map(({ name }) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')))
}

/** The page docs/performance.md: how the rows are measured, and the tables and charts of those that have results. */
export function performancePage(results: readonly RowResult[]): string {
  return `${generatedNote}

# Performance

This page compares the gateway with other ways to do the same work, side by side in one run.

\`\`\`text
npm run bench                 all rows
npm run bench list create     some rows
\`\`\`

- Each side is a process that is pinned to the first core. The load and Postgres have the second core. Without \`taskset\` or a second core, the system places the processes.
- All sides use one embedded Postgres and the tables of the gateway: 2,000,000 runs in 100 accounts, or what the row says. Each row names the settings that matter most; the others, durability among them, are the defaults of Postgres.
- The bench stops when the answers of two sides differ as JSON, or when two files differ. Cursors are left out of the comparison, because each side has its own, and instants count as equal in every form of ISO 8601.
- The sides are measured in turns, five rounds each. A table has the median, and the lowest and highest round in parentheses. The bars of a chart are medians, and the lines go from the lowest to the highest round.
- Clients without a fixed rate send the next request when the last one is answered. Then p99 is the time that one of so many waiting clients sees, and a stall of the server counts once for each client. At a fixed rate, the time of a request counts from the moment at which it was due, so a stall counts for all requests that were due in it.
- \`stock\` is GraphQL Yoga, Pothos with \`prismaConnection\` and Prisma as their documentation shows. \`postgraphile\` is PostGraphile over the same tables. \`floor\` is \`node:http\` with prepared statements of \`pg\` and JSON that is put together by hand, without GraphQL. All of them look up the API key for each request. The folder [bench/peers](../bench/peers) contains them, with their packages.

${results.map(section).join('\n\n') || 'The folder bench/results has no results yet.'}
`
}

/** The main figures in one sentence, for the README; empty without results. */
export function mainFigures(results: readonly RowResult[]): string {
  const parts = [
    ratio(results, 'list', 'requests/s', (times) => `lists ${times} as fast`),
    ratio(results, 'create', 'requests/s', (times) => `creates ${times} as fast`),
    ratio(results, 'fan-out', 'CPU per delivery', (times) => `events for ${times} the processor time`),
  ].flat()
  return parts.length === 0 ? '' : ` In comparison with Yoga, Pothos and Prisma: ${parts.join(', ')}.`
}

function settingsOf(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `\`${name} = ${value}\``)
    .join(', ')
}

function ratio(
  results: readonly RowResult[],
  row: string,
  figure: string,
  words: (times: string) => string,
): string[] {
  const [one] = results.find(({ name }) => name === row)?.cases ?? []
  if (!one) return []
  return [words(`${shortNumber(medianOf(one, 'ours', figure) / medianOf(one, 'stock', figure))} ×`)]
}

function section(result: RowResult): string {
  const { name, work, circumstances } = result
  const { machine, versions, date, commit, postgresSettings } = circumstances
  const list = Object.entries(versions).map(([program, version]) => `${program} ${version}`)
  return [
    `## ${name}`,
    work,
    `![The figures of the row ${name} as bars](../bench/results/${name}.svg)`,
    ...sections(result),
    `Measured on ${date} at commit ${commit}, on ${machine.cores} cores of ${machine.model} with ${machine.memoryGiB} GiB: ${list.join(', ')}. Settings of Postgres: ${settingsOf(postgresSettings)}.`,
  ].join('\n\n')
}

const figuresMark = /(<!-- figures -->).*?(<!-- \/figures -->)/

/** The README with the main figures between its marks. */
export function withMainFigures(readme: string, results: readonly RowResult[]): string {
  return readme.replace(figuresMark, (_all, start: string, end: string) => start + mainFigures(results) + end)
}

import { markdownTable } from '../../docs/generate/markdown-table.ts'
import {
  type CaseResult,
  type Figure,
  type GoalResult,
  isReached,
  type RowResult,
  type Spread,
} from './result.ts'

/** The tables and notes of a row, each as a block of Markdown. */
export function sections({ figures, cases, goals, notes }: RowResult): string[] {
  return [
    figureTable({ figures, cases }),
    ...(goals.length > 0 ? [goalTable(goals)] : []),
    ...(notes.length > 0 ? [notes.map((note) => `- ${note}`).join('\n')] : []),
  ]
}

/** The figures of a row as a Markdown table: medians, the spread of the rounds, and the ratio of the first median to each other. */
function figureTable({ figures, cases }: Pick<RowResult, 'figures' | 'cases'>): string {
  const used = figures.filter(({ name }) =>
    cases.some(({ sides }) => sides.some((side) => side.figures[name])),
  )
  const head = [
    'Work',
    'Side',
    ...used.map(({ name, unit }) => (unit ? `${name}, ${unit}` : name)),
    'First side / side',
  ]
  const rows = cases.flatMap((one) =>
    one.sides.map((side, number) => [
      number === 0 ? one.name : '',
      side.side,
      ...used.map((figure) => cell(side.figures[figure.name], figure)),
      number === 0 ? '' : ratios(one, number, used),
    ]),
  )
  return markdownTable(head, rows)
}

/** The goals of a row as a Markdown table. */
function goalTable(goals: readonly GoalResult[]): string {
  return markdownTable(
    ['Goal', 'Measured', 'Wanted', 'Reached'],
    goals.map((goal) => [
      goal.what,
      shortNumber(goal.value),
      `${goal.must} ${goal.bound}`,
      isReached(goal) ? 'yes' : 'no',
    ]),
  )
}

/** A number with two or three significant digits. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return 'n/a'
  return withDecimals(value, Math.max(0, 2 - Math.floor(Math.log10(Math.max(1, Math.abs(value))))))
}

function withDecimals(value: number, decimals: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

function cell(spread: Spread | undefined, { decimals }: Figure): string {
  if (!spread) return ''
  const [median, min, max] = [spread.median, spread.min, spread.max].map((value) =>
    withDecimals(value, decimals),
  )
  return min === max ? `${median}` : `${median} (${min}–${max})`
}

function ratios({ sides }: CaseResult, number: number, figures: readonly Figure[]): string {
  return figures
    .flatMap(({ name }) => {
      const [ours, theirs] = [sides[0]?.figures[name], sides[number]?.figures[name]]
      return ours && theirs ? [`${shortNumber(ours.median / theirs.median)} ×`] : []
    })
    .join(', ')
}

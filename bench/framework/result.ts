/** A quantity that a row measures on each of its sides. */
export type Figure = {
  name: string
  unit: string
  /** Number of decimals in tables. */
  decimals: number
}

/** What one round of one side gave, by the names of the figures. */
export type Measured = Readonly<Record<string, number>>

export type Spread = { median: number; min: number; max: number; rounds: readonly number[] }

export type SideResult = { side: string; figures: Readonly<Record<string, Spread>> }

/** The sides that did the same work. The first of them is ours. */
export type CaseResult = { name: string; sides: readonly SideResult[] }

/** A goal in one number. */
export type GoalResult = {
  /** Such as "requests per second, ours / stock". */
  what: string
  value: number
  bound: number
  /** Whether the value must be at least or at most the bound. */
  must: 'at least' | 'at most'
}

/** All that is kept of a row in bench/results. */
export type RowResult = {
  name: string
  work: string
  figures: readonly Figure[]
  cases: readonly CaseResult[]
  goals: readonly GoalResult[]
  /** Sentences about sides that were left out and about what the figures mean. */
  notes: readonly string[]
  circumstances: Circumstances
}

export type Circumstances = {
  date: string
  commit: string
  machine: { cores: number; model: string; memoryGiB: number }
  versions: Readonly<Record<string, string>>
  postgresSettings: Readonly<Record<string, string>>
  /** How the row was measured: number of rounds, seconds, runs in the database. */
  size: Readonly<Record<string, number>>
}

export function spreadOf(rounds: readonly number[]): Spread {
  const sorted = rounds.toSorted((a, b) => a - b)
  const [min = Number.NaN, max = Number.NaN] = [sorted[0], sorted.at(-1)]
  const middle = sorted.length / 2
  const [low = Number.NaN, high = low] = sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1)
  return { median: (low + high) / 2, min, max, rounds }
}

export function isReached({ value, bound, must }: GoalResult): boolean {
  return must === 'at least' ? value >= bound : value <= bound
}

/** The median of a figure of a side. @throws Error when the case has no such side or figure */
export function medianOf({ name, sides }: CaseResult, side: string, figure: string): number {
  const median = sides.find((one) => one.side === side)?.figures[figure]?.median
  if (median === undefined) throw new Error(`The case ${name} has no ${figure} of ${side}.`)
  return median
}

/**
 * A goal for the ratio of two sides of a case, ours over theirs. Empty when the other side was left out.
 *
 * @param what the sides and the figure, in words
 */
export function ratioGoal(
  one: CaseResult,
  [ours, theirs]: readonly [string, string],
  figure: string,
  must: GoalResult['must'],
  bound: number,
): GoalResult[] {
  if (!one.sides.some(({ side }) => side === theirs)) return []
  const value = medianOf(one, ours, figure) / medianOf(one, theirs, figure)
  return [{ what: `${one.name}: ${figure}, ${ours} / ${theirs}`, value, bound, must }]
}

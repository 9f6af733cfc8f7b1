import type { BadCell } from './bad-cell.ts'
import type { CsvLine } from './csv.ts'

/** A line that cannot be read, and why. */
export type BadLine = {
  number: number
  /** Null when it is the line as a whole. */
  column: string | null
  value: string | null
  reason: string
}

/** As many are told one by one; of more, only how many there are. */
const mostTold = 20
/** Characters of a value that are told. */
const longestValue = 80

/** What is wrong with a line, as one value. */
export function badLine(line: CsvLine, cause: BadCell | string): BadLine {
  return typeof cause === 'string'
    ? { number: line.number, column: null, value: null, reason: cause }
    : { number: line.number, column: cause.column, value: cause.value, reason: cause.message }
}

export type BadLines = {
  add(line: BadLine): void
  count(): number
  /** A sentence for each of the first, and one for how many more there are. */
  sentences(path: string): string[]
}

/** Counts bad lines, and keeps the first. */
export function createBadLines(): BadLines {
  const first: BadLine[] = []
  let count = 0
  return {
    add: (line) => {
      count++
      if (first.length < mostTold) first.push(line)
    },
    count: () => count,
    sentences: (path) => {
      const lines = first.map((line) => sentence(path, line))
      return count > first.length ? [...lines, `${path}: and ${count - first.length} more.`] : lines
    },
  }
}

function told(value: string): string {
  return JSON.stringify(value.length > longestValue ? `${value.slice(0, longestValue)}…` : value)
}

function sentence(path: string, { number, column, value, reason }: BadLine): string {
  const what = [column ?? 'the line', ...(value ? [told(value)] : [])].join(' ')
  return `${path}:${number}: ${what} ${reason}.`
}

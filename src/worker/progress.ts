import type { Logger } from 'pino'
import { runEvery } from '../run-every.ts'
import type { ExpectedRows } from './copy.ts'

export type Progress = {
  stage: string
  rowsWritten: bigint
  rowsExpected: bigint | null
  /** 0 to 100; null while the number of rows is unknown. */
  percent: number | null
  measuredAt: Date
  estimatedFinishAt: Date | null
}

const intervalMilliseconds = 250

/** Only a run that has succeeded is at 100 percent: its files must still be stored after their last row. */
const maxPercent = 99.9

/**
 * Writes a run's progress at regular intervals, one write at a time, and only when it has changed.
 *
 * @param floor percent and rows that an earlier worker reported: progress never falls below them
 */
export function startProgress(
  floor: { percent: number | null; rowsWritten: bigint | null },
  write: (progress: Progress) => Promise<unknown>,
  now: () => Date,
  logger: Logger,
) {
  const startedAt = now().getTime()
  let expected: ExpectedRows | null = null
  let countRows = (): number => 0
  let percent = floor.percent
  let last = ''

  const current = (): Progress => {
    const measuredAt = now()
    const rows = countRows()
    const rowsExpected = expected && rowsIn(expected, rows)
    const share = rowsExpected ? Math.min(1, rows / rowsExpected) : null
    if (share !== null) {
      percent = Math.max(percent ?? 0, Math.min(maxPercent, Math.round(share * 1000) / 10))
    }
    const elapsed = measuredAt.getTime() - startedAt
    return {
      stage: expected === null ? 'Counting rows' : 'Writing rows',
      rowsWritten: BigInt(Math.max(rows, Number(floor.rowsWritten ?? 0n))),
      rowsExpected: rowsExpected === null ? null : BigInt(rowsExpected),
      percent,
      measuredAt,
      estimatedFinishAt: share ? new Date(measuredAt.getTime() + elapsed * (1 / share - 1)) : null,
    }
  }

  const writing = runEvery({
    task: async () => {
      const progress = current()
      const seen = `${progress.stage} ${progress.rowsWritten}`
      if (seen === last) return
      await write(progress)
      last = seen
    },
    milliseconds: intervalMilliseconds,
    logger,
    failureMessage: 'Progress could not be written.',
  })

  return {
    expect: (rows: ExpectedRows): void => {
      expected = rows
    },
    measure: (rowsWritten: () => number): void => {
      countRows = rowsWritten
    },
    /** Waits for the last write; no other write follows. */
    stop: writing.stop,
  }
}

/** The total that the rows written so far suggest. Near and above an estimate, a tenth of them is assumed to follow. */
function rowsIn({ count, isExact }: ExpectedRows, written: number): number {
  return isExact ? count : Math.max(count, Math.ceil(written * 1.1))
}

import type { Logger } from 'pino'
import { runEvery } from '../run-every.ts'

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
  let rowsExpected: bigint | null = null
  let countRows = (): number => 0
  let last = ''

  const current = (): Progress => {
    const measuredAt = now()
    const rows = countRows()
    const share = rowsExpected ? Math.min(1, rows / Number(rowsExpected)) : null
    const percent =
      share === null ? floor.percent : Math.max(floor.percent ?? 0, Math.round(share * 1000) / 10)
    const elapsed = measuredAt.getTime() - startedAt
    return {
      stage: rowsExpected === null ? 'Counting rows' : 'Writing rows',
      rowsWritten: BigInt(Math.max(rows, Number(floor.rowsWritten ?? 0n))),
      rowsExpected,
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
    expect: (rows: bigint): void => {
      rowsExpected = rows
    },
    measure: (rowsWritten: () => number): void => {
      countRows = rowsWritten
    },
    /** Waits for the last write; no other write follows. */
    stop: writing.stop,
  }
}

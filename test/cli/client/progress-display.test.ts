import { describe, expect, test } from 'vitest'
import { createProgressDisplay } from '../../../src/cli/client/progress-display.ts'
import type { ReportRun } from '../../../src/cli/client/report-run.ts'

test('the progress bar is redrawn in place, and never wider than the terminal', () => {
  const written: string[] = []
  // A cast: only the parts of a terminal that the bar uses.
  const terminal = {
    isTTY: true,
    columns: 40,
    write: (text: string) => written.push(text),
  } as unknown as NodeJS.WriteStream
  const display = createProgressDisplay(terminal)
  display.showBytes(500_000_000, 1_000_000_000)
  display.showBytes(500_000_001, 1_000_000_000)
  display.end()
  // The second update follows too soon after the first and is not drawn.
  expect(written).toEqual(['\r[#######-------]  50.0 %  Downloading  \x1b[K', '\r\x1b[K'])
})

describe('a run that is not shown on a terminal', () => {
  type Progress = NonNullable<ReportRun['progress']>
  const measuredAt = '2026-09-01T10:00:00.000Z'

  /** The lines that the states of a run make in a log file. */
  function linesOf(...states: [status: ReportRun['status'], progress: Partial<Progress> | null][]): string[] {
    let written = ''
    const stream = {
      isTTY: false,
      write: (text: string) => (written += text),
    } as unknown as NodeJS.WriteStream // The parts of a stream that the display uses.
    const display = createProgressDisplay(stream)
    const unknown = {
      percent: null,
      rowsWritten: '0',
      rowsExpected: null,
      stage: null,
      measuredAt,
      estimatedFinishAt: null,
    }
    for (const [status, progress] of states) {
      // The display reads nothing else of a run.
      display.showRun({ status, progress: progress && { ...unknown, ...progress } } as ReportRun)
    }
    display.end()
    return written.split('\n').slice(0, -1)
  }

  test('has a line for each stage, and one for each ten percent of it', () => {
    const stage = 'Writing rows'
    const rows = (rowsWritten: string, percent: number) =>
      ['RUNNING', { stage, percent, rowsWritten, rowsExpected: '2000000' }] as const
    expect(
      linesOf(
        ['PENDING', null],
        ['RUNNING', { stage: 'Counting rows' }],
        ['RUNNING', { stage, percent: 0, rowsExpected: '2000000' }],
        [...rows('100000', 5)],
        [...rows('1234567', 61.7)],
        [...rows('1300000', 65)],
        ['CANCELING', null],
        ['CANCELED', null],
      ),
    ).toEqual([
      'Waiting in the queue',
      'Counting rows  0 rows',
      '  0.0 %  Writing rows  0 of 2,000,000 rows',
      ' 61.7 %  Writing rows  1,234,567 of 2,000,000 rows',
      'Canceling',
      'Canceled',
    ])
  })

  test.each([
    ['a moment, by the clock of the gateway', '2026-09-01T10:00:07.200Z', '8 s left'],
    ['minutes', '2026-09-01T10:02:05Z', '2 min 5 s left'],
    ['no time, when the estimate is over', '2026-09-01T09:59:00Z', '0 s left'],
  ])('says that %s is left', (_what, estimatedFinishAt, left) => {
    const [line] = linesOf(['RUNNING', { stage: 'Writing rows', percent: 50, estimatedFinishAt }])
    expect(line).toBe(` 50.0 %  Writing rows  0 rows  ${left}`)
  })
})

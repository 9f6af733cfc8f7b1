import fc from 'fast-check'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Progress, startProgress } from '../../src/worker/progress.ts'

const begin = new Date('2026-09-01T00:00:00Z')
beforeEach(() => {
  vi.useFakeTimers({ now: begin })
})
afterEach(() => {
  vi.useRealTimers()
})

const fresh = { percent: null, rowsWritten: null }
function now(): Date {
  return new Date()
}

/** Collects what is written; each write takes as long as `answer`. */
function collect(
  floor: Parameters<typeof startProgress>[0],
  answer: () => Promise<unknown> = async () => {},
) {
  const written: Progress[] = []
  const logged: { msg: string }[] = []
  const logger = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) })
  const write = (progress: Progress): Promise<unknown> => {
    written.push(progress)
    return answer()
  }
  return { written, logged, reporter: startProgress(floor, write, now, logger) }
}

test('progress is written four times a second while rows arrive, and not at all while none do', async () => {
  const { written, reporter } = collect(fresh)
  let rows = 0
  reporter.expect({ count: 1_000, isExact: true })
  reporter.measure(() => rows++)
  await vi.advanceTimersByTimeAsync(3_000)
  expect(written).toHaveLength(12)
  reporter.measure(() => 500)
  await vi.advanceTimersByTimeAsync(3_000)
  expect(written).toHaveLength(13)
  await reporter.stop()
  reporter.measure(() => 600)
  await vi.advanceTimersByTimeAsync(3_000)
  expect(written).toHaveLength(13)
})

test('a slow database receives no burst of delayed writes', async () => {
  let release = (): void => {}
  const { written, reporter } = collect(
    fresh,
    () =>
      new Promise<void>((resolve) => {
        release = resolve
      }),
  )
  let rows = 0
  reporter.measure(() => rows++)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(written).toHaveLength(1)
  release()
  await vi.advanceTimersByTimeAsync(249)
  expect(written).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(written).toHaveLength(2)
  const stopped = reporter.stop()
  release()
  await stopped
})

test('progress that cannot be written is logged, and tried again', async () => {
  const { written, logged, reporter } = collect(fresh, async () => {
    throw new Error('Postgres is away.')
  })
  reporter.measure(() => 7)
  await vi.advanceTimersByTimeAsync(500)
  expect(written).toHaveLength(2)
  expect(logged).toMatchObject([
    { msg: 'Progress could not be written.', err: { message: 'Postgres is away.' } },
  ])
  await reporter.stop()
})

test('percent and rows are unknown, then grow, and the end is estimated from the rate', async () => {
  const { written, reporter } = collect(fresh)
  await vi.advanceTimersByTimeAsync(250)
  expect(written.at(-1)).toMatchObject({
    stage: 'Counting rows',
    percent: null,
    rowsExpected: null,
    rowsWritten: 0n,
    estimatedFinishAt: null,
  })
  reporter.expect({ count: 1_000, isExact: true })
  reporter.measure(() => 250)
  await vi.advanceTimersByTimeAsync(250)
  expect(written.at(-1)).toEqual({
    stage: 'Writing rows',
    percent: 25,
    rowsExpected: 1_000n,
    rowsWritten: 250n,
    measuredAt: new Date(begin.getTime() + 500),
    estimatedFinishAt: new Date(begin.getTime() + 2_000),
  })
  reporter.measure(() => 1_100)
  await vi.advanceTimersByTimeAsync(250)
  // The files are not stored yet.
  expect(written.at(-1)).toMatchObject({ percent: 99.9 })
  await reporter.stop()
})

test('the progress of a run that starts again does not fall below what was reported before', async () => {
  const { written, reporter } = collect({ percent: 40, rowsWritten: 400n })
  await vi.advanceTimersByTimeAsync(250)
  expect(written.at(-1)).toMatchObject({ percent: 40, rowsWritten: 400n })
  reporter.expect({ count: 1_000, isExact: true })
  reporter.measure(() => 100)
  await vi.advanceTimersByTimeAsync(250)
  expect(written.at(-1)).toMatchObject({ percent: 40, rowsWritten: 400n })
  reporter.measure(() => 500)
  await vi.advanceTimersByTimeAsync(250)
  expect(written.at(-1)).toMatchObject({ percent: 50, rowsWritten: 500n })
  await reporter.stop()
})

test('an estimate, wrong by any factor, never shows a run as complete or lets its progress fall', async () => {
  const files = fc.integer({ min: 1, max: 3 })
  const steps = fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 12 })
  const estimate = fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 10_000_000 }))
  await fc.assert(
    fc.asyncProperty(estimate, steps, files, async (count, increments, copies) => {
      const { written, reporter } = collect(fresh)
      reporter.expect({ count, isExact: false })
      const total = increments.reduce((sum, step) => sum + step, 0)
      let rows = 0
      // The mean over the files, as a report of several files measures it.
      reporter.measure(() => Math.floor(rows / copies))
      for (let copy = 1; copy <= copies; copy++) {
        for (const step of increments) {
          rows += step
          await vi.advanceTimersByTimeAsync(250)
        }
        reporter.expect({ count: total, isExact: true })
      }
      await reporter.stop()
      expect(written.length).toBeGreaterThan(0)
      for (const [
        i,
        { percent, rowsWritten, rowsExpected, measuredAt, estimatedFinishAt },
      ] of written.entries()) {
        expect(percent).toBeGreaterThanOrEqual(written[i - 1]?.percent ?? 0)
        expect(percent).toBeLessThan(100)
        expect(rowsExpected).toBeGreaterThanOrEqual(Number(rowsWritten))
        if (estimatedFinishAt)
          expect(estimatedFinishAt.getTime()).toBeGreaterThanOrEqual(measuredAt.getTime())
      }
    }),
    { numRuns: 50 },
  )
})

test('the rows beyond an estimate move the end instead of reaching it', async () => {
  const { written, reporter } = collect(fresh)
  reporter.expect({ count: 1_000, isExact: false })
  for (const [rows, percent, rowsExpected] of [
    [500, 50, 1_000n],
    [1_000, 90.9, 1_100n],
    [5_000, 90.9, 5_500n],
  ] as const) {
    reporter.measure(() => rows)
    await vi.advanceTimersByTimeAsync(250)
    expect(written.at(-1)).toMatchObject({ percent, rowsExpected })
  }
  await reporter.stop()
})

import pino from 'pino'
import { expect, test } from 'vitest'
import { runEvery } from '../src/run-every.ts'

function createLog() {
  const lines: { msg: string }[] = []
  return { lines, logger: pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }) }
}

test('calls never overlap, and stop aborts the current call and waits for it', async () => {
  const { lines, logger } = createLog()
  let atOnce = 0
  let maxAtOnce = 0
  let calls = 0
  const task = async (signal: AbortSignal): Promise<void> => {
    calls++
    atOnce++
    maxAtOnce = Math.max(maxAtOnce, atOnce)
    try {
      if (calls < 3) return await new Promise((resolve) => setTimeout(resolve, 30))
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    } finally {
      atOnce--
    }
  }
  const { stop } = runEvery({ task, milliseconds: 5, logger, failureMessage: 'It failed.' })
  await expect.poll(() => calls).toBe(3)
  await stop()
  expect([atOnce, maxAtOnce, calls]).toEqual([0, 1, 3])
  expect(lines).toEqual([])
})

test('a failure is logged once until a call succeeds', async () => {
  const { lines, logger } = createLog()
  let calls = 0
  const task = async (): Promise<void> => {
    calls++
    if (calls !== 4) throw new Error('broken')
  }
  const { stop } = runEvery({ task, milliseconds: 2, logger, failureMessage: 'It failed.' })
  await expect.poll(() => calls).toBeGreaterThan(6)
  await stop()
  expect(lines.map(({ msg }) => msg)).toEqual(['It failed.', 'It failed.'])
})

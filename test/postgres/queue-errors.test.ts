import { expect, onTestFinished, test, vi } from 'vitest'
import { createLogger } from '../../src/logger.ts'
import { logQueueErrors } from '../../src/postgres/queue-errors.ts'

test('the errors of an outage are logged once a minute, and every other error at once', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const lines: string[] = []
  const log = logQueueErrors(createLogger('warn', { write: (line) => lines.push(JSON.parse(line).msg) }))
  const readOnly = Object.assign(new Error('cannot execute UPDATE in a read-only transaction'), {
    code: '25006',
  })

  for (let poll = 0; poll < 100; poll++) log(readOnly)
  log(new Error('a mistake'))
  log(new Error('a mistake'))
  expect(lines).toEqual([
    'The queue waits for the database. The database is read-only.',
    'The queue reported an error.',
    'The queue reported an error.',
  ])
  vi.advanceTimersByTime(60_000)
  for (let poll = 0; poll < 100; poll++) log(readOnly)
  expect(lines).toHaveLength(4)
})

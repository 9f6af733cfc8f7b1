import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Queue, startQueue } from '../../src/postgres/queue.ts'
import { type CronJob, startCronJobs } from '../../src/worker/cron-jobs.ts'
import { openWorkerParts, type WorkerParts } from '../support/worker-parts.ts'

let parts: WorkerParts
const cleanup = new AsyncDisposableStack()
beforeAll(async () => {
  parts = cleanup.use(await openWorkerParts())
})
afterAll(() => cleanup.disposeAsync())

/** The queue of another worker process. */
async function openQueue(): Promise<Queue & AsyncDisposable> {
  const queue = await startQueue({ url: parts.database.url, isWorker: true, onError: () => {} })
  return { ...queue, [Symbol.asyncDispose]: queue.stop }
}

const queueName = 'maintenance'

async function start(queue: Queue, jobs: CronJob[]): Promise<AsyncDisposable> {
  const { stop } = await startCronJobs(queue, queueName, jobs, parts.logger)
  return { [Symbol.asyncDispose]: stop }
}

const never = '0 0 1 1 *'
function ask(queue: Queue, task: string): Promise<string | null> {
  return queue.boss.send(queueName, { task }, { singletonKey: task })
}

test('one of two processes runs a task at its scheduled time', async () => {
  const done: string[] = []
  const tasks = (by: string): CronJob[] => [
    { name: 'count', cron: '* * * * *', task: async () => void done.push(by) },
  ]
  await using one = await openQueue()
  await using two = await openQueue()
  await using _one = await start(one, tasks('one'))
  await using _two = await start(two, tasks('two'))
  await expect.poll(() => done.length, { timeout: 40_000, interval: 200 }).toBeGreaterThan(0)
  const [schedule] = await one.boss.getSchedules(queueName)
  expect(schedule).toMatchObject({ key: 'count', cron: '* * * * *', timezone: 'UTC' })
  const jobs = await one.boss.findJobs(queueName, { data: { task: 'count' } })
  expect(done).toHaveLength(jobs.length)
}, 60_000)

test('a task does not run twice at once, and a task that fails is logged and does not stop the others', async () => {
  let active = 0
  let maxActive = 0
  let runs = 0
  const slow = async (signal: AbortSignal): Promise<void> => {
    maxActive = Math.max(maxActive, ++active)
    await expect
      .poll(async () => signal.aborted || (await parts.database.query('select pg_sleep(0.3)')).length)
      .toBe(1)
    active--
    runs++
  }
  const tasks: CronJob[] = [
    { name: 'slow', cron: never, task: slow },
    { name: 'broken', cron: never, task: () => Promise.reject(new Error('It broke.')) },
  ]
  await using one = await openQueue()
  await using two = await openQueue()
  await using _one = await start(one, tasks)
  await using _two = await start(two, tasks)
  await ask(one, 'broken')
  await ask(one, 'slow')
  await expect.poll(() => active).toBe(1)
  await ask(two, 'slow')
  await expect.poll(() => runs).toBe(2)
  expect(maxActive).toBe(1)
  expect(parts.logged.filter(({ task }) => task === 'broken')).toHaveLength(1)
})

test('schedules of removed tasks are deleted', async () => {
  await using queue = await openQueue()
  const task = (name: string): CronJob => ({ name, cron: never, task: async () => {} })
  const keys = async () => (await queue.boss.getSchedules(queueName)).map(({ key }) => key).sort()
  {
    await using _both = await start(queue, [task('old'), task('kept')])
    expect(await keys()).toEqual(['kept', 'old'])
  }
  await using _one = await start(queue, [task('kept')])
  expect(await keys()).toEqual(['kept'])
})

test('stopping aborts a running task', async () => {
  await using queue = await openQueue()
  let isRunning = false
  const run = (signal: AbortSignal): Promise<void> => {
    isRunning = true
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  {
    await using _maintenance = await start(queue, [{ name: 'long', cron: never, task: run }])
    await ask(queue, 'long')
    await expect.poll(() => isRunning).toBe(true)
  }
  expect(parts.logged.filter(({ task }) => task === 'long')).toEqual([])
})

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

/** The queue of one more process that works. */
async function openQueue(): Promise<Queue & AsyncDisposable> {
  const queue = await startQueue({ url: parts.database.url, works: true, onError: () => {} })
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

test('a task is done at its time, by one of two processes', async () => {
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

test('a task is not done twice at once, and one that fails is told and does not stop the others', async () => {
  let atOnce = 0
  let most = 0
  let runs = 0
  const slow = async (signal: AbortSignal): Promise<void> => {
    most = Math.max(most, ++atOnce)
    await expect
      .poll(async () => signal.aborted || (await parts.database.query('select pg_sleep(0.3)')).length)
      .toBe(1)
    atOnce--
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
  await expect.poll(() => atOnce).toBe(1)
  await ask(two, 'slow')
  await expect.poll(() => runs).toBe(2)
  expect(most).toBe(1)
  expect(parts.logged.filter(({ task }) => task === 'broken')).toHaveLength(1)
})

test('schedules of tasks that are gone are removed', async () => {
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

test('stopping ends the task that runs', async () => {
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

// Sends jobs by pg-boss, one after the other, and prints how many milliseconds each took until its worker started. Argument: number.
import { PgBoss } from 'pg-boss'

const connectionString = process.env.DATABASE_URL
const schema = 'bench_queue'
const queue = 'bench'

const sender = new PgBoss({ connectionString, schema, supervise: false, schedule: false })
await sender.start()
await sender.createQueue(queue, { notify: true })
const worker = new PgBoss({ connectionString, schema, useListenNotify: true })
await worker.start()
let onStart = () => {}
await worker.work(queue, async () => onStart())

const times = []
for (let number = -5; number < Number(process.argv[2]); number++) {
  const { promise, resolve } = Promise.withResolvers()
  onStart = resolve
  const sentAt = performance.now()
  await sender.send(queue, {})
  await promise
  if (number >= 0) times.push(performance.now() - sentAt)
}
process.stdout.write(JSON.stringify(times))
process.exit(0)

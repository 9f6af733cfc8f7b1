import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { end, endWithThisProcess, pinnedTo } from '../../framework/pinned.ts'

const script = fileURLToPath(new URL('./subscribers-process.ts', import.meta.url))

export type Transport = 'WebSocket' | 'SSE'

export type Delivery = {
  /** Milliseconds until the last subscriber had received it. */
  milliseconds: number
  /** What all of them received. */
  message: string
}

export type Subscribers = AsyncDisposable & {
  /** Gives the run a label, and waits until every subscriber has received the event. */
  deliver(label: string): Promise<Delivery>
}

/**
 * Opens subscriptions, each on its own connection, from a process on the core of the load.
 *
 * @param trigger gives a run the label
 */
export async function openSubscribers(
  transport: Transport,
  { url, key, count }: { url: string; key: string; count: number },
  trigger: (label: string) => Promise<unknown>,
): Promise<Subscribers> {
  const { program, args } = pinnedTo('load', {
    program: process.execPath,
    args: [script, transport, url, key, String(count)],
  })
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  endWithThisProcess(child)
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const nextLine = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`The subscribers of ${url} ended:\n${complaints}`)
    return value
  }
  /** Gives the run the label once the subscribers wait for it; null when not all of them receive it in time. */
  const send = async (label: string): Promise<Delivery | null> => {
    child.stdin.write(`${label}\n`)
    await nextLine()
    await trigger(label)
    return JSON.parse(await nextLine())
  }
  const deliver = async (label: string): Promise<Delivery> => {
    const delivery = await send(label)
    if (!delivery) throw new Error(`Not all ${count} subscribers of ${url} have received ${label}.`)
    return delivery
  }
  await nextLine()
  // No message says that a subscription is active, so the first event can miss some of them.
  for (let attempt = 1; !(await send(`opening ${attempt}`)); attempt++) {
    if (attempt === 5) throw new Error(`Not all ${count} subscribers of ${url} receive events.`)
  }
  return {
    deliver,
    [Symbol.asyncDispose]: () => end(child),
  }
}

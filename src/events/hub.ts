import type { Logger } from 'pino'
import type { Prisma } from '../database/client.ts'
import type { ReportRunEvent } from '../database/generated/prisma/client.ts'
import { type LogOwner, lastPosition, readEvents } from './log.ts'
import { createMailbox, type Mailbox } from './mailbox.ts'
import type { WakeUp } from './wake-up.ts'

const pageSize = 500
// How often logs are read although no wake-up came, in case one was lost.
const pollMilliseconds = 3_000

export type RunMailbox = Mailbox<ReportRunEvent>

export type Hub = {
  /**
   * Opens a mailbox for the events of one run that are committed from now on; the signal closes it. When the promise
   * resolves the log is being read, so a state loaded after that misses nothing.
   */
  subscribe(owner: LogOwner, runId: string, signal: AbortSignal): Promise<RunMailbox>
  stop(): void
}

/** One account's log, as far as this process has read it, and who waits for its runs. */
type Topic = {
  owner: LogOwner
  position: Promise<bigint>
  mailboxes: Map<string, Set<RunMailbox>>
  /** Set while a read is under way; `again` asks for another after it. */
  reading: boolean
  again: boolean
}

const topicKey = ({ accountId, livemode }: LogOwner): string => `${accountId}:${livemode}`

/**
 * The fan-out of events to the subscriptions of this process. It reads each log once per wake-up however many
 * subscriptions there are.
 */
export const createHub = (prisma: Prisma, wakeUp: WakeUp, log: Logger): Hub => {
  const topics = new Map<string, Topic>()

  const deliver = (topic: Topic, event: ReportRunEvent): void => {
    for (const mailbox of topic.mailboxes.get(event.runId) ?? []) mailbox.put(event)
  }

  const readNew = async (topic: Topic): Promise<void> => {
    let events: ReportRunEvent[]
    do {
      const position = await topic.position
      events = await readEvents(prisma, topic.owner, position, pageSize)
      topic.position = Promise.resolve(events.at(-1)?.position ?? position)
      for (const event of events) deliver(topic, event)
    } while (events.length === pageSize)
  }

  const read = async (topic: Topic): Promise<void> => {
    topic.again = true
    if (topic.reading) return
    topic.reading = true
    try {
      while (topic.again) {
        topic.again = false
        await readNew(topic)
      }
    } catch (error) {
      log.warn(
        { err: error, accountId: topic.owner.accountId },
        'The event log could not be read; trying again soon.',
      )
    } finally {
      topic.reading = false
    }
  }

  const wake = (owner: LogOwner | null): void => {
    const woken = owner ? [topics.get(topicKey(owner))] : topics.values()
    for (const topic of woken) if (topic) void read(topic)
  }

  const openTopic = (owner: LogOwner): Topic => {
    const topic: Topic = {
      owner,
      position: lastPosition(prisma, owner),
      mailboxes: new Map(),
      reading: false,
      again: false,
    }
    topics.set(topicKey(owner), topic)
    return topic
  }

  const close = (topic: Topic, runId: string, mailbox: RunMailbox): void => {
    const mailboxes = topic.mailboxes.get(runId)
    mailboxes?.delete(mailbox)
    if (mailboxes?.size === 0) topic.mailboxes.delete(runId)
    if (topic.mailboxes.size === 0 && topics.get(topicKey(topic.owner)) === topic) {
      topics.delete(topicKey(topic.owner))
    }
  }

  wakeUp.onWake(wake)
  const poll = setInterval(() => wake(null), pollMilliseconds)

  return {
    subscribe: async (owner, runId, signal) => {
      const topic = topics.get(topicKey(owner)) ?? openTopic(owner)
      const mailbox: RunMailbox = createMailbox(signal)
      const mailboxes = topic.mailboxes.get(runId) ?? new Set()
      topic.mailboxes.set(runId, mailboxes.add(mailbox))
      const leave = (): void => close(topic, runId, mailbox)
      signal.addEventListener('abort', leave, { once: true })
      if (signal.aborted) leave()
      try {
        await topic.position
      } catch (error) {
        // The next one to come tries anew.
        if (topics.get(topicKey(owner)) === topic) topics.delete(topicKey(owner))
        throw error
      }
      return mailbox
    },
    stop: () => clearInterval(poll),
  }
}

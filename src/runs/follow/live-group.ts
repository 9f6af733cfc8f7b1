import { eventLoopTurn } from '../../event-loop.ts'
import type { Render, Sink } from './delivery.ts'

/** Members that get a message in one turn of the event loop: about a quarter of a millisecond. */
const membersPerTurn = 32

/** A stream that waits at the end of the log, together with others. */
export type Member<Value> = {
  sink: Sink
  /** Whether the member sends a value. Called once for each value, in order. */
  accepts: (value: Value) => boolean
  /**
   * Called at once when the member has left the group: from then on it follows by itself.
   *
   * @param failure what ended the group; undefined unless it failed
   */
  left: (failure?: unknown) => void
}

export type LiveGroup<Value> = ReturnType<typeof createLiveGroup<Value>>

/**
 * Sends each new value to all streams of a group. This is the path of nearly all messages, and it is short: a value is
 * executed and serialized once, and then costs each member a check and a write. Executed for each member, a message costs
 * about ten times as much.
 *
 * The group holds no queue. A member whose previous message is unsent leaves, and reads on by itself when its client does.
 */
export function createLiveGroup<Value>(accountId: string, render: Render<Value>) {
  const members = new Set<Member<Value>>()
  let failure: unknown
  const leave = (member: Member<Value>): void => {
    if (members.delete(member)) member.left(failure)
  }
  const leaveAll = (): void => {
    for (const member of members) leave(member)
  }
  return {
    render,
    size: (): number => members.size,
    join: (member: Member<Value>): void => {
      members.add(member)
      if (failure !== undefined) leave(member)
    },
    leave,
    leaveAll,
    /** Ends the group: its members fail, and so do those that join later. */
    fail: (error: unknown): void => {
      failure = error
      leaveAll()
    },
    /** Sends a value to all members that accept it. */
    send: async (value: Value): Promise<void> => {
      if (members.size === 0) return
      const message = await render(value)
      let count = 0
      // Also the members that join in the meantime.
      for (const member of members) {
        if (count++ % membersPerTurn === 0) await eventLoopTurn(accountId)
        if (!member.sink.isReady()) leave(member)
        else if (member.accepts(value)) member.sink.send(message)
      }
    },
  }
}

/** A value of a stream as all streams of a group send it. */
export type Message = {
  /** The result as JSON. */
  text: string
  /** The cursor to resume after the message; null when the message has none. */
  eventCursor: string | null
}

export type Render<Value> = (value: Value) => Promise<Message>

/** Where the messages of one stream go. */
export type Sink = {
  /** False while the previous message is unsent: the client is slow, or the response has not begun. */
  isReady: () => boolean
  /** Resolves when the sink is ready, and when the connection is closed. */
  whenReady: () => Promise<void>
  /** Sends a message. Call it only when the sink is ready. */
  send: (message: Message) => void
}

/** How the values of a stream reach its client, when streams with equal messages share the work. */
export type Delivery<Value> = {
  /** Equal for streams for which the same values become the same messages. */
  group: string
  /**
   * Creates the function that makes the message of a value, for the whole group.
   *
   * @param signal aborts when the group has no members any more
   */
  createRender: (signal: AbortSignal) => Render<Value>
  sink: Sink
}

/** Sends a message when the client has read the previous one, and resolves when it is sent or the connection is closed. */
export async function sendAlone(message: Message, sink: Sink, signal: AbortSignal): Promise<void> {
  await sink.whenReady()
  if (signal.aborted) return
  sink.send(message)
  await sink.whenReady()
}

import { onTestFinished, vi } from 'vitest'

export type StreamEvent = {
  event: string
  /** Absent for an event without an ID. */
  id?: string | undefined
  /** The parsed result; null for events without one, such as `complete`. */
  data: { data?: unknown; errors?: { message: string; extensions?: Record<string, unknown> }[] } | null
}

export type EventStream = {
  status: number
  /** All events so far. */
  events: StreamEvent[]
  /** Resolves when the stream has ended: true when the server completed it, false when the connection broke. */
  ended: Promise<boolean>
  close(): void
}

function parseEvent(block: string): StreamEvent[] {
  const event = /^event: ?(.*)$/m.exec(block)?.[1]
  const data = /^data: ?(.*)$/m.exec(block)?.[1]
  const id = /^id: ?(.*)$/m.exec(block)?.[1]
  return event === undefined ? [] : [{ event, id, data: data ? JSON.parse(data) : null }]
}

/**
 * Opens a subscription over SSE without a client library, to test the exact events.
 *
 * @param headers more headers of the request
 */
export async function openEventStream(
  url: string,
  key: string,
  query: string,
  variables: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const closing = new AbortController()
  onTestFinished(() => closing.abort())
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ query, variables }),
    signal: closing.signal,
  })
  const events: StreamEvent[] = []
  const read = async (): Promise<boolean> => {
    let text = ''
    try {
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        events.push(...blocks.flatMap(parseEvent))
      }
      return true
    } catch {
      return false
    }
  }
  return { status: response.status, events, ended: read(), close: () => closing.abort() }
}

/** Waits until a stream has delivered `count` events. */
export function waitForEvents({ events }: EventStream, count: number): Promise<void> {
  return vi.waitFor(
    () => {
      if (events.length < count) throw new Error(`${events.length} of ${count} events have arrived.`)
    },
    { timeout: 30_000, interval: 5 },
  )
}

import type { ReportRun, ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import type { Tenant } from '../../tenant.ts'
import type { EventCursor } from './event-log.ts'

export type RunEventPage = {
  events: RunEvent[]
  end: EventCursor
  /** Whether the scope has events after the page. Also true when the search ended before the end of the log. */
  hasMore: boolean
}

export type RunEvent = {
  tenant: Tenant
  /** Resume after this cursor to continue with the next event. */
  cursor: EventCursor
  occurredAt: Date
} & (
  | { kind: 'SNAPSHOT'; run: ReportRun }
  | { kind: 'CHANGED'; event: ReportRunEvent; run: ReportRun | null }
  | { kind: 'RESET'; oldest: EventCursor }
)

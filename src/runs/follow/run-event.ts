import type { ReportRun, ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import { type Tenant, tenantOf } from '../../tenant.ts'
import type { EventCursor } from './event-cursor.ts'
import { inScope, type RunScope } from './run-scope.ts'

type Delivery = {
  tenant: Tenant
  /** Where to resume so that nothing is delivered twice. */
  cursor: EventCursor
  occurredAt: Date
}

/** What a reader of the log receives. */
export type RunEvent =
  | (Delivery & { kind: 'SNAPSHOT'; run: ReportRun })
  | (Delivery & { kind: 'CHANGED'; event: ReportRunEvent; run: ReportRun | null })
  | (Delivery & { kind: 'RESET'; keptAfter: bigint })

/**
 * An event of the log as it is delivered; null when its run is not in the scope. An erased run is not shown, and its
 * progress and updates are left out.
 */
export function toRunEvent(
  scope: RunScope,
  event: ReportRunEvent,
  run: ReportRun | null,
): (RunEvent & { kind: 'CHANGED' }) | null {
  if (!run || !inScope(scope, run)) return null
  const isErased = run.erasedAt !== null
  if (isErased && (event.kind === 'PROGRESSED' || event.kind === 'UPDATED')) return null
  return {
    kind: 'CHANGED',
    tenant: tenantOf(event),
    cursor: { position: event.position, snapshotsAfter: null },
    occurredAt: event.occurredAt,
    event,
    run: isErased ? null : run,
  }
}

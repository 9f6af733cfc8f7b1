import type { ReportRun, ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import { type Tenant, tenantOf } from '../../tenant.ts'
import type { LogPlace } from './event-cursor.ts'
import { inScope, type RunScope } from './run-scope.ts'

type Told = {
  tenant: Tenant
  /** Where to resume so that nothing is told twice. */
  place: LogPlace
  occurredAt: Date
}

/** What a reader of the log is told. */
export type RunEvent =
  | (Told & { kind: 'SNAPSHOT'; run: ReportRun })
  | (Told & { kind: 'CHANGED'; event: ReportRunEvent; run: ReportRun | null })
  | (Told & { kind: 'RESET'; keptAfter: bigint })

/**
 * An event of the log as it is told; null when the scope leaves its run out. A run that was erased is shown no more, and
 * what progress it made and what was changed of it is no news.
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
    place: { position: event.position, snapshotsAfter: null },
    occurredAt: event.occurredAt,
    event,
    run: isErased ? null : run,
  }
}

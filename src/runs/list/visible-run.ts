import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { type Tenant, tenantOf } from '../../tenant.ts'

/** The part of a `where` that binds it to runs that the viewer may see: its own, and not those that were erased. */
export function visibleRun(tenant: Tenant): Tenant & { erasedAt: null } {
  return {
    ...tenantOf(tenant),
    erasedAt: null,
  }
}

/** The same of a run that is at hand already; false when there is none. */
export function isVisibleTo(run: ReportRun | null, { accountId, livemode }: Tenant): run is ReportRun {
  return run?.accountId === accountId && run.livemode === livemode && run.erasedAt === null
}

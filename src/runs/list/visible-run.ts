import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { type Tenant, tenantOf } from '../../tenant.ts'

/** The part of a `where` that binds it to runs that the viewer may see: its own, and not those that were erased. */
export const visibleRun = (tenant: Tenant): Tenant & { erasedAt: null } => ({
  ...tenantOf(tenant),
  erasedAt: null,
})

/** The same of a run that is at hand already; false when there is none. */
export const isVisibleTo = (run: ReportRun | null, { accountId, livemode }: Tenant): run is ReportRun =>
  run?.accountId === accountId && run.livemode === livemode && run.erasedAt === null

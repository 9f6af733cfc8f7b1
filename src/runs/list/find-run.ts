import { NotFoundError } from '../../errors.ts'
import { idPrefixes, isId } from '../../ids.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { createRowLoader } from '../../postgres/shared-loader.ts'
import { type Tenant, tenantOf } from '../../tenant.ts'

/** The condition for runs that are visible to a tenant: its own, without deleted ones. */
export function visibleRun(tenant: Tenant): Tenant & { deletedAt: null } {
  return { ...tenantOf(tenant), deletedAt: null }
}

/** The same test for a loaded run; false for null. */
export function isVisibleTo(run: ReportRun | null, { accountId, livemode }: Tenant): run is ReportRun {
  return run?.accountId === accountId && run.livemode === livemode && run.deletedAt === null
}

/** The run with an id; null when it does not exist or is not visible to the tenant, also for an id that is not valid. */
export async function findRun(prisma: Prisma, tenant: Tenant, id: string): Promise<ReportRun | null> {
  return isId(id, idPrefixes.reportRun)
    ? prisma.reportRun.findUnique({ where: { id, ...visibleRun(tenant) } })
    : null
}

/** @throws NotFoundError when the tenant has no such run */
export async function requireRun(prisma: Prisma, tenant: Tenant, id: string): Promise<ReportRun> {
  const run = await findRun(prisma, tenant, id)
  if (run) return run
  throw new NotFoundError(`There is no report run ${JSON.stringify(id)}.`, ['id'])
}

// Reading a batch of these large rows blocks the event loop for a few milliseconds.
const maxBatchSize = 200

export type RunLoader = { load(id: string): Promise<ReportRun | null> }

/**
 * Loads the current state of runs of any tenant; callers must check visibility. Concurrent loads are batched into one query,
 * and nothing is cached afterwards.
 */
export function createRunLoader(prisma: Prisma): RunLoader {
  const load = createRowLoader(
    (ids) => prisma.reportRun.findMany({ where: { id: { in: ids } } }),
    maxBatchSize,
  )
  return { load }
}

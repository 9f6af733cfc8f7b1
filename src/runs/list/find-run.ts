import { NotFoundError } from '../../errors.ts'
import { idPrefixes, isId } from '../../ids.ts'
import type { Prisma } from '../../postgres/client.ts'
import { Prisma as PrismaSql, type ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { ReadRows } from '../../postgres/rows.ts'
import { createRowLoader } from '../../postgres/shared-loader.ts'
import { type Tenant, tenantOf } from '../../tenant.ts'
import { runColumns } from './run-rows.ts'

/** The condition for runs that are visible to a tenant: its own, without deleted ones. */
export function visibleRun(tenant: Tenant): Tenant & { deletedAt: null } {
  return { ...tenantOf(tenant), deletedAt: null }
}

/** The same test for a loaded run; false for null. */
export function isVisibleTo(run: ReportRun | null, { accountId, livemode }: Tenant): run is ReportRun {
  return run?.accountId === accountId && run.livemode === livemode && run.deletedAt === null
}

/** The run with an id; null when it does not exist or is not visible to the tenant, also for an id that is not valid. */
export async function findRun(loader: RunLoader, tenant: Tenant, id: string): Promise<ReportRun | null> {
  const run = isId(id, idPrefixes.reportRun) ? await loader.load(id) : null
  return isVisibleTo(run, tenant) ? run : null
}

/** @throws NotFoundError when the tenant has no such run */
export async function requireRun(prisma: Prisma, tenant: Tenant, id: string): Promise<ReportRun> {
  const run = isId(id, idPrefixes.reportRun)
    ? await prisma.reportRun.findUnique({ where: { id, ...visibleRun(tenant) } })
    : null
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
export function createRunLoader(rows: ReadRows): RunLoader {
  const load = createRowLoader<ReportRun>(
    (ids) => rows(PrismaSql.sql`select ${runColumns} from report_runs where id = any(${ids})`, 'once'),
    maxBatchSize,
  )
  return { load }
}

import { ConfigurationError, NotFoundError, WrongStatusError } from '../../../errors.ts'
import { idPrefixes } from '../../../ids.ts'
import type { ReportRun } from '../../../postgres/generated/prisma/client.ts'
import { cancelRun } from '../../../runs/lifecycle/cancel.ts'
import { modeOf } from '../../../tenant.ts'
import type { Row } from '../../table.ts'
import type { AdminAction, AdminServices } from './action.ts'
import { type AdminOptions, hasRunFilter, readPart, readRunFilter } from './options.ts'

/** Runs that are read at once when all that match are canceled. */
const batchSize = 100

/** Lists runs of all accounts, newest first. */
export const listRuns: AdminAction = async ({ prisma, now }, values) => {
  const { take, after, orderBy } = readPart(values, idPrefixes.reportRun, true)
  const where = { AND: [readRunFilter(values, now()), after] }
  return (await prisma.reportRun.findMany({ where, orderBy, take })).map(summaryOf)
}

/** Shows everything about one run. */
export const showRun: AdminAction = async ({ prisma }, _values, [id, ...others]) => {
  if (id === undefined || others.length > 0)
    throw new ConfigurationError('Give the id of one run: npm run admin -- runs show frr_…')
  const { requestHash: _, ...run } = await requireAnyRun({ prisma }, id)
  return { ...run, livemode: modeOf(run) } satisfies Row
}

/** Cancels the runs with these ids, or all that match the filters, as cancelReportRun does. */
export const cancelRuns: AdminAction = async (services, values, ids) => {
  if (!values['all-matching']) {
    if (ids.length === 0)
      throw new ConfigurationError('Give the ids of runs, or --all-matching with a filter.')
    if (hasRunFilter(values)) throw new ConfigurationError('Filters need --all-matching, without ids.')
    const runs = await Promise.all(ids.map((id) => requireAnyRun(services, id)))
    return cancelEach(services, values, runs)
  }
  if (ids.length > 0) throw new ConfigurationError('Give either ids or --all-matching.')
  if (!hasRunFilter(values))
    throw new ConfigurationError('--all-matching needs a filter, such as --account ID or --status PENDING.')
  const where = {
    AND: [
      readRunFilter(values, services.now()),
      { status: { in: ['PENDING' as const, 'RUNNING' as const] } },
    ],
  }
  if (!values.yes) {
    const count = await services.prisma.reportRun.count({ where })
    services.say(`${count} runs match and have not ended. Add --yes to cancel them.`)
    return null
  }
  const canceled: Row[] = []
  let after = ''
  let runs: ReportRun[]
  do {
    runs = await services.prisma.reportRun.findMany({
      where: { AND: [where, { id: { gt: after } }] },
      orderBy: { id: 'asc' },
      take: batchSize,
    })
    canceled.push(...(await cancelEach(services, values, runs)))
    after = runs.at(-1)?.id ?? after
  } while (runs.length === batchSize)
  services.say(`${canceled.length} runs.`)
  return canceled
}

async function cancelEach(
  { openChanges, say }: AdminServices,
  { reason = 'Canceled by an operator' }: AdminOptions,
  runs: readonly ReportRun[],
): Promise<Row[]> {
  const deps = await openChanges()
  const rows: Row[] = []
  for (const { id, accountId, livemode } of runs) {
    try {
      rows.push(summaryOf(await cancelRun(deps, { accountId, livemode, apiKeyId: null }, id, reason)))
    } catch (error) {
      // A run that has ended needs no cancellation, and must not prevent that of the next.
      if (!(error instanceof WrongStatusError)) throw error
      say(error.message)
    }
  }
  return rows
}

async function requireAnyRun({ prisma }: Pick<AdminServices, 'prisma'>, id: string): Promise<ReportRun> {
  const run = await prisma.reportRun.findUnique({ where: { id, deletedAt: null } })
  if (run) return run
  throw new NotFoundError(`There is no report run ${JSON.stringify(id)} in any account.`)
}

function summaryOf(run: ReportRun): Row {
  const { id, accountId, status, reportType, createdAt, startedAt, finishedAt, failureCode, label } = run
  return {
    id,
    account: accountId,
    mode: modeOf(run),
    status,
    type: reportType,
    createdAt,
    startedAt,
    finishedAt,
    error: failureCode,
    label,
  }
}

import { isActive } from '../../../auth/api-keys.ts'
import { idPrefixes } from '../../../ids.ts'
import { modeOf } from '../../../tenant.ts'
import type { Row } from '../../table.ts'
import type { AdminAction } from './action.ts'
import { readPart } from './options.ts'

/** Lists accounts with the number of their keys, schedules and runs. */
export const listAccounts: AdminAction = async ({ prisma, now }, values) => {
  const { take, after, orderBy } = readPart(values, idPrefixes.account, false)
  const accounts = await prisma.account.findMany({
    where: { ...after, ...(values.account !== undefined && { AND: { id: values.account } }) },
    orderBy,
    take,
    include: { apiKeys: { select: { revokedAt: true, expiresAt: true, lastUsedAt: true } } },
  })
  const accountId = { in: accounts.map(({ id }) => id) }
  const [runs, schedules] = await Promise.all([
    prisma.reportRun.groupBy({
      by: ['accountId', 'status'],
      where: { accountId, deletedAt: null, status: { in: ['PENDING', 'RUNNING', 'CANCELING'] } },
      _count: true,
    }),
    prisma.reportSchedule.groupBy({ by: ['accountId'], where: { accountId, isActive: true }, _count: true }),
  ])
  return accounts.map(({ id, name, createdAt, apiKeys }): Row => {
    const count = (status: string) =>
      runs.find((one) => one.accountId === id && one.status === status)?._count ?? 0
    const uses = apiKeys.flatMap(({ lastUsedAt }) => lastUsedAt?.getTime() ?? [])
    return {
      id,
      name,
      createdAt,
      activeKeys: apiKeys.filter((key) => isActive(key, now())).length,
      lastUsedAt: uses.length === 0 ? null : new Date(Math.max(...uses)),
      activeSchedules: schedules.find((one) => one.accountId === id)?._count ?? 0,
      pending: count('PENDING'),
      running: count('RUNNING') + count('CANCELING'),
    }
  })
}

/** Lists API keys with their last use, without any part of a secret but the last four characters. */
export const listKeys: AdminAction = async ({ prisma }, values) => {
  const { take, after, orderBy } = readPart(values, idPrefixes.apiKey, false)
  const keys = await prisma.apiKey.findMany({
    where: { ...after, ...(values.account !== undefined && { accountId: values.account }) },
    orderBy,
    take,
  })
  return keys.map(
    ({ id, accountId, name, lastFour, createdAt, lastUsedAt, expiresAt, revokedAt, ...key }): Row => ({
      id,
      account: accountId,
      mode: modeOf(key),
      lastFour,
      createdAt,
      lastUsedAt,
      expiresAt,
      revokedAt,
      name,
    }),
  )
}

import { idPrefixes } from '../../../ids.ts'
import { modeOf } from '../../../tenant.ts'
import type { Row } from '../../table.ts'
import type { AdminAction } from './action.ts'
import { readPart } from './options.ts'

/** Lists schedules with the time of their next run and the reason why the last due run was not created. */
export const listSchedules: AdminAction = async ({ prisma }, values) => {
  const { take, after, orderBy } = readPart(values, idPrefixes.reportSchedule, true)
  const schedules = await prisma.reportSchedule.findMany({
    where: {
      ...after,
      ...(values.account !== undefined && { accountId: values.account }),
      ...(values.failing && { lastError: { not: null } }),
    },
    orderBy,
    take,
  })
  return schedules.map((schedule): Row => {
    const { id, accountId, reportType, cronExpression, cronTimezone, dataPeriod } = schedule
    const { isActive, nextRunAt, coveredUntil, label, lastError } = schedule
    return {
      id,
      account: accountId,
      mode: modeOf(schedule),
      type: reportType,
      trigger: cronExpression === null ? `each ${dataPeriod} of data` : `${cronExpression} ${cronTimezone}`,
      state: isActive ? 'active' : 'paused',
      nextRunAt,
      coveredUntil,
      label,
      lastError,
    }
  })
}

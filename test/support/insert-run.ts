import { idPrefixes, newId } from '../../src/ids.ts'
import type { Prisma } from '../../src/postgres/client.ts'
import type { Prisma as PrismaTypes, ReportRun } from '../../src/postgres/generated/prisma/client.ts'

export type RunOwner = { accountId: string; livemode: boolean; apiKeyId: string }

/** Returns a row for a run that is not in the queue, so workers do not change it. The default status is PENDING. */
export function runRow(
  { accountId, livemode, apiKeyId }: RunOwner,
  { createdAt = new Date(), ...rest }: Partial<PrismaTypes.ReportRunUncheckedCreateInput> = {},
): PrismaTypes.ReportRunUncheckedCreateInput {
  return {
    id: newId(idPrefixes.reportRun, new Date(createdAt)),
    accountId,
    livemode,
    reportType: 'balance.summary.1',
    parameters: {},
    formats: ['CSV'],
    compression: 'NONE',
    metadata: {},
    status: 'PENDING',
    requestedById: apiKeyId,
    createdAt,
    ...rest,
  }
}

export function insertRun(
  prisma: Prisma,
  owner: RunOwner,
  fields?: Partial<PrismaTypes.ReportRunUncheckedCreateInput>,
): Promise<ReportRun> {
  return prisma.reportRun.create({ data: runRow(owner, fields) })
}

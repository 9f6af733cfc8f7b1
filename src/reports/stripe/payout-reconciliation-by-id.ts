import { InputError } from '../../errors.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { Tenant } from '../../tenant.ts'
import { columns, decimalSeparator, payout, reportingCategory, timezone } from '../parameters.ts'
import { defineReportType } from '../report-type.ts'
import { itemizedSource } from './itemized.ts'
import { ledgerAvailability } from './ledger-availability.ts'
import { sweptBy } from './ledger-filter.ts'
import { sweptColumns } from './payout-reconciliation.ts'
import { summaryColumns, summarySource } from './summary.ts'
import { defineVersions } from './versions.ts'

/** The payout has to be one of this account and mode, and an automatic one as far as the ledger knows. */
async function checkPayout(
  prisma: Prisma,
  { accountId, livemode }: Tenant,
  { payout: id }: { payout: string },
): Promise<InputError[]> {
  const found = await prisma.payout.findUnique({
    where: { accountId_livemode_id: { accountId, livemode, id } },
    select: { isAutomatic: true },
  })
  if (!found) {
    return [
      new InputError(`There is no payout "${id}". payouts.itemized.3 lists those there are.`, ['payout']),
    ]
  }
  if (found.isAutomatic !== false) return []
  const message = `The payout "${id}" was made by hand; only an automatic one consists of balance transactions.`
  return [new InputError(message, ['payout'])]
}

export const payoutReconciliationByIdSummary = defineReportType({
  name: 'payout_reconciliation.by_id.summary.1',
  inputKey: 'payoutReconciliationByIdSummary',
  title: 'Payout reconciliation summary for a single payout',
  description: 'What one automatic payout consists of, summed up by reporting category, with a total.',
  parameters: { ...payout, ...columns },
  columns: summaryColumns,
  requiresLiveMode: false,
  availability: ledgerAvailability,
  check: checkPayout,
  source: (scope, parameters) => summarySource(scope, { rows: sweptBy(parameters.payout) }),
})

const inUtc = { ...payout, ...reportingCategory, ...decimalSeparator, ...columns }
const inTimezone = { ...payout, ...timezone, ...reportingCategory, ...decimalSeparator, ...columns }

export const payoutReconciliationByIdItemized = defineVersions<typeof inUtc>(
  {
    name: 'payout_reconciliation.by_id.itemized',
    inputKey: 'payoutReconciliationByIdItemized',
    title: 'Itemized reconciliation for a single payout',
    description: 'Every balance transaction in one automatic payout, one a row, oldest first.',
    requiresLiveMode: false,
    availability: ledgerAvailability,
    check: checkPayout,
    source: (scope, { payout: id, reporting_category }) =>
      itemizedSource(scope, { rows: sweptBy(id), reportingCategory: reporting_category }),
  },
  [
    { parameters: inUtc, columns: sweptColumns[1] },
    { parameters: inUtc, columns: sweptColumns[2] },
    { parameters: inUtc, columns: sweptColumns[3] },
    { parameters: inTimezone, columns: sweptColumns[5] },
  ],
)

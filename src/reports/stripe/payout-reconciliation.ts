import { InputError } from '../../errors.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { Tenant } from '../../tenant.ts'
import {
  columns,
  currency,
  decimalSeparator,
  interval,
  itemizedInTimezone,
  itemizedInUtc,
  payout,
  reportingCategory,
  timezone,
} from '../parameters.ts'
import { sql } from '../sql.ts'
import { defineFamily } from './family.ts'
import {
  detailColumns,
  itemized1,
  itemized2,
  itemized3,
  metadataColumns,
  reconciliationColumns,
  without,
} from './itemized-columns.ts'
import { checkKnownPayouts } from './known-payouts.ts'
import { addressColumns, type LedgerColumnName } from './ledger-columns.ts'
import { sweptFrom } from './ledger-rows.ts'

const swept1: readonly LedgerColumnName[] = [
  ...without(itemized1, [
    'customer_name',
    ...addressColumns('shipping_address'),
    'payment_intent_id',
    'payment_method_type',
    'statement_descriptor',
  ]),
  'destination_payment_id',
]

/** The columns of each version. Version 4 of the reconciliation of a single payout is version 5 here. */
const sweptColumns = {
  1: reconciliationColumns(swept1),
  2: reconciliationColumns([...swept1, ...metadataColumns]),
  3: reconciliationColumns([...itemized2, 'destination_payment_id', 'order_id']),
  4: reconciliationColumns([...without(itemized3, detailColumns), 'destination_payment_id']),
  5: reconciliationColumns([...itemized3, 'destination_payment_id', 'order_id']),
}

export const payoutReconciliationReports = defineFamily<typeof interval>({
  name: 'payout_reconciliation',
  check: (prisma, scope, { interval_end }) => checkKnownPayouts(prisma, scope, interval_end, 'interval_end'),
  rows: (scope, { interval_start, interval_end }) => sweptFrom(scope, interval_start, interval_end),
  summary: {
    title: 'Payouts reconciliation summary',
    description:
      'Balance transactions in the automatic payouts that left the balance in the interval, summed by reporting category and currency, with a total for each currency.',
    parameters: { ...interval, ...currency, ...timezone, ...columns },
  },
  itemized: {
    title: 'Itemized payout reconciliation',
    description:
      'All balance transactions in the automatic payouts that left the balance in the interval, one per row, grouped by payout.',
    orderBy: sql`ap.effective_at, ap.id collate "C", bt.effective_at, bt.id collate "C"`,
    versions: [
      { parameters: itemizedInUtc, columns: sweptColumns[1] },
      { parameters: itemizedInUtc, columns: sweptColumns[2] },
      { parameters: itemizedInUtc, columns: sweptColumns[3] },
      { parameters: itemizedInTimezone, columns: sweptColumns[4] },
      { parameters: itemizedInTimezone, columns: sweptColumns[5] },
    ],
  },
})

const inUtc = { ...payout, ...reportingCategory, ...decimalSeparator, ...columns }
const inTimezone = { ...payout, ...timezone, ...reportingCategory, ...decimalSeparator, ...columns }

export const payoutReconciliationByIdReports = defineFamily<typeof payout>({
  name: 'payout_reconciliation.by_id',
  rows: (_scope, { payout: id }) => sql`bt.automatic_payout_id = ${id}`,
  check: checkPayout,
  summary: {
    title: 'Payout reconciliation summary for a single payout',
    description: 'Balance transactions in one automatic payout, summed by reporting category, with a total.',
    parameters: { ...payout, ...columns },
  },
  itemized: {
    title: 'Itemized reconciliation for a single payout',
    description: 'All balance transactions in one automatic payout, one per row, oldest first.',
    versions: [
      { parameters: inUtc, columns: sweptColumns[1] },
      { parameters: inUtc, columns: sweptColumns[2] },
      { parameters: inUtc, columns: sweptColumns[3] },
      { parameters: inTimezone, columns: sweptColumns[5] },
    ],
  },
})

/** The payout must belong to this account and mode, must not be known to be manual, and its rows must be known. */
async function checkPayout(
  prisma: Prisma,
  { accountId, livemode }: Tenant,
  { payout: id }: { payout: string },
): Promise<InputError[]> {
  const found = await prisma.payout.findUnique({
    where: { accountId_livemode_id: { accountId, livemode, id } },
    select: { isAutomatic: true, effectiveAt: true, created: true },
  })
  if (found && found.isAutomatic !== false) {
    const left = found.effectiveAt ?? found.created
    return left ? checkKnownPayouts(prisma, { accountId, livemode }, left.toISOString(), 'payout') : []
  }
  const message = found
    ? `The payout "${id}" is a manual payout. Only automatic payouts can be reconciled.`
    : `There is no payout "${id}". The report payouts.itemized.3 lists all payouts.`
  return [new InputError(message, ['payout'])]
}

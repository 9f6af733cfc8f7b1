// One ledger as the exports of different kinds and ages show it, for tests that import the parts in any order.

type Row = {
  id: string
  type: string
  category: string
  source: string
  /** Gross, fee and net. */
  amounts: [string, string, string]
  created: string
  availableOn: string
  /** The automatic payout that swept the row, or the payout's own id when it is automatic. */
  bank?: string
}

type Payout = { id: string; status: string; arrival: string; effective: string; reversed: string }

/** A payout that arrives on the day of its creation, one that is canceled before its arrival, and one that fails. */
const payouts: Record<string, Payout> = {
  po_day: payout('po_day', 'paid', '2026-03-04 00:00:00', '2026-03-04 00:18:30'),
  po_canceled: payout('po_canceled', 'canceled', '2026-03-08 00:00:00', '', '2026-03-06 15:00:41'),
  po_failed: payout('po_failed', 'failed', '2026-03-11 00:00:00', '', '2026-03-13 09:30:05'),
  po_hand: payout('po_hand', 'paid', '2026-03-12 00:00:00', '2026-03-10 14:00:09'),
  po_old: payout('po_old', 'paid', '2026-03-16 00:00:00'),
}

function payout(id: string, status: string, arrival: string, effective = arrival, reversed = ''): Payout {
  return { id, status, arrival, effective: effective || arrival, reversed }
}

const rows: Row[] = [
  row('txn_1', 'charge', 'charge', 'ch_1', '100.00 3.20 96.80', '2026-03-02 10:00:07', 'po_day'),
  row('txn_2', 'adjustment', 'dispute', 'du_1', '-5.00 15.00 -20.00', '2026-03-03 11:10:59', 'po_day'),
  row('txn_3', 'payout', 'payout', 'po_day', '-76.80 0.00 -76.80', '2026-03-04 00:18:30', 'po_day'),
  row('txn_4', 'charge', 'charge', 'ch_2', '50.00 0.00 50.00', '2026-03-05 08:00:00', 'po_canceled'),
  row('txn_5', 'payout', 'payout', 'po_canceled', '-50.00 0.00 -50.00', '2026-03-06 01:00:20', 'po_canceled'),
  row(
    'txn_6',
    'payout_cancel',
    'payout_reversal',
    'po_canceled',
    '50.00 0.00 50.00',
    '2026-03-06 15:00:41',
    'po_failed',
  ),
  row('txn_7', 'payout', 'payout', 'po_failed', '-50.00 0.00 -50.00', '2026-03-09 02:00:00', 'po_failed'),
  row('txn_8', 'payout', 'payout', 'po_hand', '-20.00 0.20 -20.20', '2026-03-10 14:00:09'),
  row('txn_9', 'payout_failure', 'payout_reversal', 'po_failed', '50.00 0.00 50.00', '2026-03-13 09:30:05'),
  // An old export names the transfer to the bank so.
  row('txn_old', 'transfer', 'payout', 'po_old', '-9.00 0.00 -9.00', '2026-03-14 02:00:00', 'po_old'),
]

function row(
  id: string,
  type: string,
  category: string,
  source: string,
  amounts: string,
  created: string,
  bank?: string,
): Row {
  const [gross = '', fee = '', net = ''] = amounts.split(' ')
  const arrival = type === 'payout' || type === 'transfer' ? payouts[source]?.arrival : undefined
  // The balance history has the time of a manual payout as the time at which it is available.
  const availableOn = source === 'po_hand' ? created : (arrival ?? created)
  return {
    id,
    type,
    category,
    source,
    amounts: [gross, fee, net],
    created,
    availableOn,
    ...(bank && { bank }),
  }
}

function csv(lines: readonly (readonly string[])[]): string {
  return lines.map((cells) => cells.join(',')).join('\n')
}

/** A balance history, whose times are in minutes. An early one does not yet know what the payouts swept. */
function history(of: readonly Row[], isEarly: boolean): string {
  const minutes = (time: string): string => time.slice(0, 16)
  return csv([
    [
      'id',
      'Type',
      ...(isEarly ? [] : ['Source']),
      'Amount',
      'Fee',
      'Net',
      'Currency',
      'Created (UTC)',
      'Available On (UTC)',
      'Transfer',
      'Transfer Date (UTC)',
    ],
    ...of.map(({ id, type, source, amounts, created, availableOn, bank }) => [
      id,
      type,
      ...(isEarly ? [] : [source]),
      ...amounts,
      'usd',
      minutes(created),
      minutes(availableOn),
      isEarly ? '' : (bank ?? ''),
      isEarly || !bank ? '' : minutes(payouts[bank]?.arrival ?? ''),
    ]),
  ])
}

function isPayout({ category }: Row): boolean {
  return category.startsWith('payout')
}

function itemized(of: readonly Row[]): string {
  return csv([
    [
      'balance_transaction_id',
      'created_utc',
      'available_on_utc',
      'currency',
      'gross',
      'fee',
      'net',
      'reporting_category',
      'source_id',
      'automatic_payout_id',
      'automatic_payout_effective_at_utc',
    ],
    ...of.map(({ id, created, availableOn, amounts, category, source, bank }) => [
      id,
      created,
      availableOn,
      'usd',
      ...amounts,
      category,
      source,
      bank ?? '',
      bank ? (payouts[bank]?.effective ?? '') : '',
    ]),
  ])
}

function itemizedPayouts(of: readonly Row[]): string {
  return csv([
    [
      'payout_id',
      'effective_at_utc',
      'currency',
      'gross',
      'net',
      'reporting_category',
      'balance_transaction_id',
      'payout_expected_arrival_date',
      'payout_status',
      'payout_reversed_at_utc',
    ],
    ...of.map(({ id, source, category, created, amounts: [gross, , net] }) => {
      const { effective = '', arrival = '', status = '', reversed = '' } = payouts[source] ?? {}
      const at = category === 'payout' ? effective : created
      return [source, at, 'usd', negated(gross), negated(net), category, id, arrival, status, reversed]
    }),
  ])
}

function negated(amount: string): string {
  return amount.startsWith('-') ? amount.slice(1) : `-${amount}`
}

const halves = [rows.slice(0, 6), rows.slice(4)]

/** Overlapping exports of four kinds that contain the ledger together. */
export const ledgerParts: readonly string[] = halves.flatMap((half) => [
  history(half, true),
  history(half, false),
  itemized(half.filter((one) => !isPayout(one))),
  // As a reconciliation: the rows that payouts swept.
  itemized(half.filter(({ bank, source }) => bank !== undefined && bank !== source)),
  itemizedPayouts(half.filter(isPayout)),
])

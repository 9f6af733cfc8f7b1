import type { Columns, Line } from './columns.ts'

/** A file that is not a supported export. */
export type OtherFile = {
  /** What it is, with its article. */
  title: string
  /** What to do, where it is something else than to export the balance history. */
  advice?: string
}

/** A file that is recognized when its header has all columns of one of the sets. Names are in lower case. */
type KnownFile = OtherFile & { columns: readonly (readonly string[])[] }

const table: KnownFile = {
  title:
    'a table of balance transactions (from Sigma, Data Pipeline, Fivetran or Airbyte, for example), with amounts in cents',
  advice:
    'import from the API with --stripe, or export the balance history ("All activity" on the balance page of the Dashboard)',
  columns: [
    'available_on',
    'reporting_category',
    'source_id',
    'exchange_rate',
    'automatic_transfer_id',
    'fee_details',
    'object',
    'account_id',
  ].map((name) => ['id', 'amount', name]),
}

/** Reports and tables. Their rows have ids of balance transactions, or none. The first match counts. */
const reports: readonly KnownFile[] = [
  {
    title: 'a report about connected accounts, whose rows belong to several accounts',
    columns: [['connected_account']],
  },
  table,
  {
    title: 'a report that only this gateway has',
    columns: [
      ['entry_id', 'debit'],
      ['fee_type', 'is_billed_separately'],
      ['date', 'starting_balance'],
      ['payout_id', 'charges'],
    ],
  },
  {
    title: 'a summary, which has no transactions',
    columns: [
      ['reporting_category', 'count'],
      ['category', 'net_amount'],
    ],
  },
  { title: 'the itemized report of activity by component', columns: [['balance_transaction_component']] },
  { title: 'a report of fees', columns: [['fee_transaction_id'], ['fee_category'], ['incurred_at']] },
  { title: 'a report of taxes', columns: [['tax_code'], ['jurisdiction_name']] },
  { title: 'a report of revenue recognition', columns: [['debit', 'credit'], ['accounting_period']] },
]

/** Lists of the Dashboard, by the columns that only they have. */
const lists: readonly KnownFile[] = [
  {
    title: 'the list of payouts',
    columns: [
      ['id', 'arrival date (utc)'],
      ['id', 'arrival date'],
    ],
  },
  {
    title: 'the list of disputes',
    columns: [['disputed amount'], ['dispute amount'], ['evidence due by'], ['dispute reason']],
  },
  {
    title: 'the list of payments',
    columns: [['amount refunded'], ['payment source type'], ['paymentintent id']],
  },
  { title: 'the list of refunds', columns: [['refund id'], ['refund reason']] },
  { title: 'the list of subscriptions', columns: [['current period start (utc)'], ['plan', 'interval']] },
  { title: 'the list of invoices', columns: [['amount due'], ['number', 'subtotal']] },
  { title: 'the list of customers', columns: [['delinquent'], ['total spend'], ['email', 'card id']] },
]

/** What a list contains, by the prefix of the ids of its rows. */
const idPrefixes: Readonly<Record<string, string>> = {
  po: 'payouts',
  ch: 'payments',
  py: 'payments',
  pi: 'payments',
  cus: 'customers',
  gcus: 'customers',
  sub: 'subscriptions',
  in: 'invoices',
  ii: 'invoice items',
  cn: 'credit notes',
  du: 'disputes',
  dp: 'disputes',
  re: 'refunds',
  pyr: 'refunds',
  fee: 'application fees',
  tr: 'transfers',
  tu: 'top-ups',
  acct: 'connected accounts',
  prod: 'products',
  price: 'prices',
  plan: 'plans',
  cs: 'Checkout sessions',
  plink: 'payment links',
}

/** Columns that programs add which copy Stripe's tables. */
const copierColumn = /^_(fivetran|airbyte|sdc|dlt|dbt)_/

/**
 * Returns what a file is, if it is a known one that is not supported.
 *
 * @param first the first line after the header; null when there is none
 */
export function otherFileOf(
  header: readonly string[],
  columns: Columns,
  first: Line | null,
): OtherFile | null {
  const [name = ''] = header
  if (header.length === 1 && /[,;\t]/.test(name)) {
    return {
      title: 'a file whose lines are each in one cell, because another program saved it',
      advice: 'export the file again, and import it without saving it in that program',
    }
  }
  if (/^(txn|po|ch|re|py)_\w+$/.test(name.trim())) {
    return { title: 'a file without a header', advice: 'export the file again with its first line' }
  }
  if (header.some((given) => copierColumn.test(given))) return table
  const matches = ({ columns: sets }: KnownFile) => sets.some((names) => names.every(columns.has))
  return reports.find(matches) ?? listOf(columns, first) ?? lists.find(matches) ?? null
}

/** Recognizes a list by the id of its first row, even when its columns are those of a supported export. */
function listOf(columns: Columns, first: Line | null): OtherFile | null {
  const id = first && columns.text('id')(first)
  const [, prefix = ''] = /^([a-z]+)_\w/.exec(id ?? '') ?? []
  // Other payment providers have ids with the prefix of transfers, too.
  const isForeign = prefix === 'tr' && !columns.has('created (utc)')
  const content = isForeign ? undefined : idPrefixes[prefix]
  return content === undefined ? null : { title: `the list of ${content}` }
}

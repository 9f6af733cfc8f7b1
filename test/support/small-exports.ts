/** A balance history: three currencies, a description of two lines, metadata, and a payout with the rows that it swept. */
export const history = [
  'id,Type,Source,Amount,Fee,Destination Platform Fee,Destination Platform Fee Currency,Net,Currency,Created (UTC),Available On (UTC),Description,Customer Facing Amount,Customer Facing Currency,Transfer,Transfer Date (UTC),Transfer Group,order (metadata)',
  'txn_1,charge,ch_1,100.00,3.20,,,96.80,usd,2026-09-01 10:00,2026-09-03 00:00,"Boots, ""red""',
  'and laces",90.00,eur,po_1,2026-09-05 00:00,,17',
  'txn_2,refund,re_1,-20.00,0.00,,,-20.00,usd,2026-09-02 11:00,2026-09-02 11:00,REFUND,-18.00,eur,po_1,2026-09-05 00:00,,r17',
  'txn_3,adjustment,du_1,-5.00,15.00,,,-20.00,usd,2026-09-02 12:00,2026-09-02 12:00,Chargeback withdrawal,,,po_1,2026-09-05 00:00,,',
  'txn_4,payout,po_1,-56.80,0.00,,,-56.80,usd,2026-09-03 01:00,2026-09-04 00:00,STRIPE PAYOUT,,,po_1,2026-09-05 00:00,,',
  'txn_5,payment,py_1,5000,130,,,4870,jpy,2026-09-04 09:00,2026-09-06 00:00,,,,,,,',
  'txn_6,payout,po_2,-1000,0,,,-1000,jpy,2026-09-05 09:00,2026-09-05 09:00,By hand,,,,,,',
  'txn_7,charge,ch_2,1.234,0.100,,,1.134,kwd,2026-09-06 09:00,2026-09-08 00:00,,,,,,,',
].join('\n')

const transaction = { fee: 0, currency: 'usd' }
const swept = { automatic_payout_id: 'po_1' }
/** The rows of `history` in `balance_transactions`. */
export const historyRows = [
  {
    ...transaction,
    ...swept,
    id: 'txn_1',
    type: 'charge',
    reporting_category: 'charge',
    amount: 10_000,
    fee: 320,
    net: 9680,
    created: '2026-09-01T10:00:00+00:00',
    available_on: '2026-09-03T00:00:00+00:00',
    effective_at: '2026-09-01T10:00:00+00:00',
    description: 'Boots, "red"\nand laces',
    source_id: 'ch_1',
    charge_id: 'ch_1',
    customer_facing_amount: 9000,
    customer_facing_currency: 'eur',
  },
  {
    ...transaction,
    ...swept,
    id: 'txn_2',
    type: 'refund',
    reporting_category: 'refund',
    amount: -2000,
    net: -2000,
    created: '2026-09-02T11:00:00+00:00',
    available_on: '2026-09-02T11:00:00+00:00',
    effective_at: '2026-09-02T11:00:00+00:00',
    description: 'REFUND',
    source_id: 're_1',
    customer_facing_amount: -1800,
    customer_facing_currency: 'eur',
    refund_metadata: { order: 'r17' },
  },
  {
    ...transaction,
    ...swept,
    id: 'txn_3',
    type: 'adjustment',
    reporting_category: 'dispute',
    amount: -500,
    fee: 1500,
    net: -2000,
    created: '2026-09-02T12:00:00+00:00',
    available_on: '2026-09-02T12:00:00+00:00',
    effective_at: '2026-09-02T12:00:00+00:00',
    description: 'Chargeback withdrawal',
    source_id: 'du_1',
  },
  {
    ...transaction,
    id: 'txn_4',
    type: 'payout',
    reporting_category: 'payout',
    amount: -5680,
    net: -5680,
    created: '2026-09-03T01:00:00+00:00',
    available_on: '2026-09-04T00:00:00+00:00',
    // The arrival time, not the creation or the expected arrival.
    effective_at: '2026-09-05T00:00:00+00:00',
    description: 'STRIPE PAYOUT',
    source_id: 'po_1',
    payout_id: 'po_1',
  },
  {
    id: 'txn_5',
    type: 'payment',
    reporting_category: 'charge',
    currency: 'jpy',
    amount: 5000,
    fee: 130,
    net: 4870,
    created: '2026-09-04T09:00:00+00:00',
    available_on: '2026-09-06T00:00:00+00:00',
    effective_at: '2026-09-04T09:00:00+00:00',
    source_id: 'py_1',
    charge_id: 'py_1',
  },
  {
    id: 'txn_6',
    type: 'payout',
    reporting_category: 'payout',
    currency: 'jpy',
    amount: -1000,
    fee: 0,
    net: -1000,
    created: '2026-09-05T09:00:00+00:00',
    available_on: '2026-09-05T09:00:00+00:00',
    effective_at: '2026-09-05T09:00:00+00:00',
    description: 'By hand',
    source_id: 'po_2',
    payout_id: 'po_2',
  },
  {
    id: 'txn_7',
    type: 'charge',
    reporting_category: 'charge',
    currency: 'kwd',
    amount: 1234,
    fee: 100,
    net: 1134,
    created: '2026-09-06T09:00:00+00:00',
    available_on: '2026-09-08T00:00:00+00:00',
    effective_at: '2026-09-06T09:00:00+00:00',
    source_id: 'ch_2',
    charge_id: 'ch_2',
  },
]

export const activity = `balance_transaction_id,created,created_utc,currency,gross,fee,net,reporting_category,source_id,description,charge_id,customer_id,customer_email,customer_address_city,card_brand,is_link,automatic_payout_id,payment_metadata[order],payment_metadata[a b]
txn_1,2026-09-01 06:00:07,2026-09-01 10:00:07,usd,100.00,3.20,96.80,charge,ch_1,,ch_1,cus_1,a@example.com,Oslo,visa,true,,17,x
txn_3,2026-09-02 08:00:00,2026-09-02 12:00:00,usd,-5.000000000000000000,15.00,-20.00,dispute_reversal,du_1,,ch_1,cus_1,,,,,,,`

export const payouts = `"payout_id","effective_at","currency","gross","fee","net","reporting_category","balance_transaction_id","description","payout_expected_arrival_date","payout_status"
"po_1","2026-09-06 00:00:00","usd","56.80","0.00","56.80","payout","txn_4","STRIPE PAYOUT","2026-09-06 00:00:00","paid"
"po_3","2026-09-07 09:30:00","usd","40.00","0.50","39.50","payout","txn_8",,"2026-09-08","failed"
"po_3","2026-09-09 00:00:00","usd","-40.00","0.00","-40.00","payout_reversal","txn_9",,"2026-09-08","failed"`

export const reconciliation = `automatic_payout_id,automatic_payout_effective_at_utc,balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,trace_id,trace_id_status
po_1,2026-09-06 00:00:00,txn_1,2026-09-01 10:00:07,usd,100.00,3.20,96.80,charge,TRACE,supported`

/** `history` with three invalid lines. */
export const badHistory = history
  .replace('-20.00,0.00', '-20.0O,0.00')
  .replace('2026-09-04 09:00', '2026-02-30 09:00')
  .replace('-56.80,0.00,,,-56.80', '-56.80,0.00,,,-56.90')

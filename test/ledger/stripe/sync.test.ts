import type pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createStripeClient, type StripeClientOptions } from '../../../src/ledger/stripe/client.ts'
import { explainStripeFailure } from '../../../src/ledger/stripe/failure.ts'
import { type SyncOptions, syncStripe } from '../../../src/ledger/stripe/sync.ts'
import { createConnection } from '../../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { expectedLedger } from '../../support/stripe/expected-ledger.ts'
import { type FakeStripe, fakeKey, startFakeStripe } from '../../support/stripe/fake-stripe.ts'
import { addSales, fillAccount, syncTime } from '../../support/stripe/stripe-account.ts'
import { at, payout, transaction } from '../../support/stripe/stripe-objects.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

async function startFake(): Promise<FakeStripe> {
  const fake = await startFakeStripe()
  onTestFinished(() => fake[Symbol.asyncDispose]())
  fillAccount(fake)
  return fake
}

const quick = { firstWait: 1, maxBackoff: 4, maxWait: 5_000, maxRefusals: 8 }

function stripeAt(fake: { port: number }, options: Partial<StripeClientOptions> = {}) {
  return createStripeClient({
    key: { secret: fakeKey, livemode: false },
    host: '127.0.0.1',
    port: fake.port,
    protocol: 'http',
    onWait: () => {},
    signal: new AbortController().signal,
    rateLimitPolicy: quick,
    networkRetries: 1,
    ...options,
  })
}

async function connect(): Promise<pg.Client> {
  const client = createConnection(database.url, 'test')
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

let accounts = 0
/** Returns the options of a sync into a new ledger. */
async function syncOf(fake: FakeStripe, client: Partial<StripeClientOptions> = {}): Promise<SyncOptions> {
  accounts += 1
  return {
    stripe: stripeAt(fake, client),
    client: await connect(),
    tenant: { accountId: `acct_${accounts}`, livemode: false },
    from: null,
    now: syncTime,
    onProgress: () => {},
  }
}

async function ledgerOf(
  { tenant }: SyncOptions,
  table: string,
  order = 'id',
): Promise<Record<string, unknown>[]> {
  const rows = await database.query(
    `select * from ${table} where account_id = $1 and not livemode order by ${order}`,
    [tenant.accountId],
  )
  return rows.map(({ account_id, livemode, ...columns }) => columns)
}

async function expectAccount(sync: SyncOptions): Promise<void> {
  for (const [table, rows] of Object.entries(expectedLedger)) {
    const order = table === 'fee_details' ? 'balance_transaction_id, position' : 'id collate "C"'
    expect(await ledgerOf(sync, table, order)).toEqual(rows)
  }
}

async function coverageOf(sync: SyncOptions) {
  const [row] = await ledgerOf(sync, 'ledger_coverage', 'account_id')
  return row && [row.available_from, row.available_until]
}

async function idsOf(sync: SyncOptions) {
  return (await ledgerOf(sync, 'balance_transactions')).map(({ id }) => id)
}

/** Five minutes before the time of the sync. */
const end = new Date('2026-03-20T11:55:00Z')

test('a sync loads every field of the account, and covers its whole time', async () => {
  const fake = await startFake()
  const sync = await syncOf(fake)
  const first = new Date('2026-03-01T00:00:00Z')
  expect(await syncStripe(sync)).toEqual({ rows: 11, span: { from: first, until: end } })
  await expectAccount(sync)
  expect(await coverageOf(sync)).toEqual([first, end])
})

test('a second sync reads only the last day, and changes nothing', async () => {
  const fake = await startFake()
  const sync = await syncOf(fake)
  await syncStripe(sync)
  const before = fake.requests.length
  const late = new Date('2026-03-20T12:30:00Z')
  expect(await syncStripe({ ...sync, now: late })).toMatchObject({ rows: 0 })
  const asked = fake.requests.slice(before)
  expect(asked.map(({ path }) => path)).toEqual([
    '/v1/account',
    '/v1/balance_transactions',
    '/v1/invoice_payments',
    '/v1/balance_transactions',
    '/v1/invoice_payments',
  ])
  expect(asked[1]?.query.values['created[gte]']).toBe(String(at('2026-03-19T11:55:00Z')))
  await expectAccount(sync)
  expect(await coverageOf(sync)).toEqual([new Date('2026-03-01T00:00:00Z'), new Date('2026-03-20T12:25:00Z')])
})

test('an account without transactions has no coverage', async () => {
  const fake = await startFake()
  fake.objects.clear()
  const sync = await syncOf(fake)
  expect(await syncStripe(sync)).toEqual({ rows: 0, span: null })
  expect(await coverageOf(sync)).toBeUndefined()
})

const marchFirst = new Date('2026-03-01T00:00:00Z')

test('many pages are complete despite rejections, broken responses and server errors', async () => {
  const fake = await startFake()
  const ids = addSales(fake, '2026-03-10T00:00:00Z', 1_050, 30)
  fake.fault = (_request, count) => {
    if (count % 3 === 0) return { status: 429, headers: { 'retry-after': '0' }, code: 'lock_timeout' }
    if (count === 10) return 'cut'
    return count === 20 ? { status: 500 } : null
  }
  const waits: number[] = []
  const sync = await syncOf(fake, { onWait: (milliseconds) => waits.push(milliseconds) })
  expect(await syncStripe({ ...sync, from: marchFirst })).toMatchObject({ rows: 1_061 })
  expect(fake.requests.length).toBeGreaterThan(20)
  expect(waits.length).toBeGreaterThan(5)
  const known = expectedLedger.balance_transactions?.map(({ id }) => id) ?? []
  expect(await idsOf(sync)).toEqual([...ids, ...known].sort())
})

test('an interrupted sync has stored complete windows, and continues after them', async () => {
  const fake = await startFake()
  const stop = new AbortController()
  const sync = { ...(await syncOf(fake, { signal: stop.signal, networkRetries: 0 })), from: marchFirst }
  // The windows have 1, 2, 4 and 8 days. The sync stops in the third, which starts on March 4.
  fake.fault = ({ query }) => {
    if (query.values['created[gte]'] === String(at('2026-03-04T00:00:00Z'))) stop.abort()
    return stop.signal.aborted ? { status: 500 } : null
  }
  await expect(syncStripe(sync)).rejects.toThrow()
  expect(await coverageOf(sync)).toEqual([marchFirst, new Date('2026-03-04T00:00:00Z')])
  expect(await idsOf(sync)).toEqual(['txn_dispute', 'txn_konbini', 'txn_refund', 'txn_sale'])
  fake.fault = () => null
  const before = fake.requests.length
  await syncStripe({ ...sync, stripe: stripeAt(fake), from: null })
  expect(fake.requests[before + 1]?.query.values['created[gte]']).toBe(String(at('2026-03-03T00:00:00Z')))
  await expectAccount(sync)
  expect(await coverageOf(sync)).toEqual([marchFirst, end])
})

async function messageOf(sync: Promise<unknown>): Promise<string> {
  return sync.then(
    () => 'It succeeded.',
    (error: unknown) => explainStripeFailure(error, '127.0.0.1') ?? String(error),
  )
}

test('a sync fails when rejections do not end, and keeps the stored windows', async () => {
  const fake = await startFake()
  fake.fault = ({ query }) =>
    query.values['created[gte]'] === String(at('2026-03-02T00:00:00Z')) ? { status: 429 } : null
  const waits: number[] = []
  const sync = await syncOf(fake, { onWait: (milliseconds) => waits.push(milliseconds) })
  expect(await messageOf(syncStripe({ ...sync, from: marchFirst }))).toMatch(/because of rate limits/)
  expect(waits).toHaveLength(quick.maxRefusals)
  expect(Math.max(...waits)).toBeLessThanOrEqual(quick.maxBackoff)
  expect(await idsOf(sync)).toEqual(['txn_sale'])
})

test('the client waits as long as Retry-After requests, unless that is too long', async () => {
  const fake = await startFake()
  let requested = '1'
  fake.fault = (_request, count) =>
    count === 1 || requested === '6' ? { status: 429, headers: { 'retry-after': requested } } : null
  const waits: number[] = []
  const stripe = stripeAt(fake, { onWait: (milliseconds) => waits.push(milliseconds) })
  const started = performance.now()
  await stripe.accounts.retrieveCurrent()
  expect(performance.now() - started).toBeGreaterThan(990)
  expect(waits).toEqual([1_000])
  requested = '6'
  expect(await messageOf(stripe.accounts.retrieveCurrent())).toMatch(/rate limits/)
  expect(waits).toEqual([1_000])
})

test('a rejected key and a key without permission are reported without the key', async () => {
  const fake = await startFake()
  const key = { secret: 'rk_test_51WrongWrong9999', livemode: false }
  const sync = await syncOf(fake, { key })
  const refused = await messageOf(syncStripe(sync))
  expect(refused).toMatch(/^Stripe does not accept the key in STRIPE_API_KEY/)
  fake.fault = ({ path }) => (path === '/v1/balance_transactions' ? { status: 403 } : null)
  const forbidden = await messageOf(syncStripe(await syncOf(fake)))
  expect(forbidden).toMatch(
    /^The key in STRIPE_API_KEY does not have all required permissions: .*STRIPE_API_KEY/,
  )
  expect(refused + forbidden).not.toMatch(/9999|4242|[sr]k_test/)
})

test('the error names a host that cannot be reached', async () => {
  const fake = await startFakeStripe()
  await fake[Symbol.asyncDispose]()
  const sync = await syncOf(fake, { networkRetries: 0 })
  expect(await messageOf(syncStripe(sync))).toMatch(
    /^Cannot reach Stripe at 127.0.0.1: connect ECONNREFUSED 127/,
  )
})

/** Adds an automatic payout of March 19 and its balance transaction. */
function putPayout(fake: FakeStripe, fields: Record<string, unknown>): void {
  const time = '2026-03-19T02:00:00Z'
  const money = ['usd', 300] as [string, number]
  const arrival_date = at('2026-03-21T00:00:00Z')
  const items = [
    payout('po_new', time, money, { arrival_date, ...fields }),
    transaction('txn_po_new', 'po_new', time, ['usd', -300, 0], ['payout', 'payout']),
  ]
  for (const item of items) fake.objects.set(item.id, item)
}

test('a payout is updated until it arrives, and when it is returned', async () => {
  const fake = await startFake()
  const sync = { ...(await syncOf(fake)), from: new Date('2026-03-09T00:00:00Z') }
  const payoutRow = async () => {
    const [row] = await database.query(
      `select p.status, p.reversed_at, b.effective_at, array(
         select id from balance_transactions where account_id = $1 and automatic_payout_id = p.id) as swept
       from payouts p join balance_transactions b on (b.account_id, b.payout_id, b.type) = (p.account_id, p.id, 'payout')
       where p.account_id = $1 and p.id = 'po_new'`,
      [sync.tenant.accountId],
    )
    return row
  }
  const retrievals = () => fake.requests.filter(({ path }) => path === '/v1/payouts/po_new').length

  putPayout(fake, { status: 'in_transit', reconciliation_status: 'in_progress' })
  await syncStripe(sync)
  const effective_at = new Date('2026-03-21T00:00:00Z')
  expect(await payoutRow()).toEqual({ status: 'in_transit', reversed_at: null, effective_at, swept: [] })

  // It arrives a day late, and Stripe now knows the rows that it swept. One of them is older than the ledger.
  const arrival = new Date('2026-03-22T00:00:00Z')
  putPayout(fake, { status: 'paid', arrival_date: arrival.getTime() / 1000 })
  fake.swept.set('po_new', ['txn_sale', 'txn_fee', 'txn_po_new'])
  const threeDaysLater = { now: new Date('2026-03-23T12:00:00Z') }
  await syncStripe({ ...sync, ...threeDaysLater })
  const arrived = { status: 'paid', reversed_at: null, effective_at: arrival, swept: ['txn_fee'] }
  expect(await payoutRow()).toEqual(arrived)
  expect(await idsOf(sync)).not.toContain('txn_sale')
  expect(retrievals()).toBe(1)

  await syncStripe({ ...sync, ...threeDaysLater })
  expect(retrievals()).toBe(1)

  const back = '2026-03-24T09:00:00Z'
  putPayout(fake, {
    status: 'failed',
    arrival_date: arrival.getTime() / 1000,
    failure_balance_transaction: 'txn_new_back',
  })
  const failure = transaction(
    'txn_new_back',
    'po_new',
    back,
    ['usd', 300, 0],
    ['payout_failure', 'payout_reversal'],
  )
  fake.objects.set(failure.id, failure)
  await syncStripe({ ...sync, now: new Date('2026-03-25T12:00:00Z') })
  expect(await payoutRow()).toEqual({ ...arrived, status: 'failed', reversed_at: new Date(back) })
})

test('a payout does not leave the balance before it is created, or when it is canceled before', async () => {
  const fake = await startFake()
  const sync = { ...(await syncOf(fake)), from: new Date('2026-03-18T00:00:00Z') }
  const timesOf = (id: string) =>
    database.query(
      `select bt.id, bt.effective_at as at, po.effective_at as payout_at from balance_transactions bt
       join payouts po on (po.account_id, po.id) = (bt.account_id, bt.payout_id)
       where bt.account_id = $1 and bt.payout_id = $2 order by bt.id desc`,
      [sync.tenant.accountId, id],
    )
  putPayout(fake, { status: 'paid', arrival_date: at('2026-03-19T00:00:00Z') })
  await syncStripe(sync)
  const created = new Date('2026-03-19T02:00:00Z')
  expect(await timesOf('po_new')).toEqual([{ id: 'txn_po_new', at: created, payout_at: created }])

  const canceled = '2026-03-19T15:00:41Z'
  putPayout(fake, { status: 'canceled', failure_balance_transaction: 'txn_new_back' })
  const back = transaction(
    'txn_new_back',
    'po_new',
    canceled,
    ['usd', 300, 0],
    ['payout_cancel', 'payout_reversal'],
  )
  fake.objects.set(back.id, back)
  await syncStripe(sync)
  const times = { at: new Date(canceled), payout_at: new Date(canceled) }
  expect(await timesOf('po_new')).toEqual([
    { id: 'txn_po_new', ...times },
    { id: 'txn_new_back', ...times },
  ])
})

test('a debit of the bank account is a payout that raises the balance', async () => {
  const fake = await startFake()
  const sync = { ...(await syncOf(fake)), from: new Date('2026-03-09T00:00:00Z') }
  const time = '2026-03-19T02:00:00Z'
  for (const item of [
    payout('po_debit', time, ['usd', -300], { arrival_date: at('2026-03-21T00:00:00Z') }),
    transaction('txn_po_debit', 'po_debit', time, ['usd', 300, 0], ['payout', 'payout']),
  ])
    fake.objects.set(item.id, item)
  fake.swept.set('po_debit', ['txn_fee', 'txn_po_debit'])
  await syncStripe(sync)
  const [row] = await database.query(
    `select bt.reporting_category, bt.net::int, po.amount::int, bt.effective_at, array(
       select id from balance_transactions where account_id = $1 and automatic_payout_id = po.id) as swept
     from balance_transactions bt join payouts po on (po.account_id, po.id) = (bt.account_id, bt.payout_id)
     where bt.account_id = $1 and bt.id = 'txn_po_debit'`,
    [sync.tenant.accountId],
  )
  expect(row).toEqual({
    reporting_category: 'payout',
    net: 300,
    amount: -300,
    effective_at: new Date('2026-03-21T00:00:00Z'),
    swept: ['txn_fee'],
  })
})

test('a paid payout is read again while its bank reference is pending, for a limited time', async () => {
  const fake = await startFake()
  const sync = { ...(await syncOf(fake)), from: new Date('2026-03-18T00:00:00Z') }
  const retrievals = () => fake.requests.filter(({ path }) => path === '/v1/payouts/po_new').length
  putPayout(fake, { status: 'paid', trace_id: { status: 'pending', value: null } })
  await syncStripe(sync)
  await syncStripe({ ...sync, now: new Date('2026-04-04T00:00:00Z') })
  expect(retrievals()).toBe(1)
  await syncStripe({ ...sync, now: new Date('2026-04-05T00:00:00Z') })
  expect(retrievals()).toBe(2)
  await syncStripe({ ...sync, now: new Date('2026-04-05T00:10:00Z') })
  expect(retrievals()).toBe(2)
})

test('a payout that no longer exists is not read again', async () => {
  const fake = await startFake()
  const sync = { ...(await syncOf(fake)), from: new Date('2026-03-18T00:00:00Z') }
  putPayout(fake, { status: 'pending' })
  await syncStripe(sync)
  expect(await ledgerOf(sync, 'stripe_syncs', 'account_id')).toMatchObject([
    { unsettled_payouts: ['po_new'] },
  ])
  fake.objects.clear()
  await syncStripe(sync)
  expect(await ledgerOf(sync, 'stripe_syncs', 'account_id')).toMatchObject([{ unsettled_payouts: [] }])
})

test('an earlier start reads again from there, and extends the coverage when it reaches it', async () => {
  const fake = await startFake()
  const sync = await syncOf(fake)
  const fifth = new Date('2026-03-05T00:00:00Z')
  await syncStripe({ ...sync, from: fifth })
  expect(await coverageOf(sync)).toEqual([fifth, end])
  fake.fault = ({ query }) =>
    query.values['created[gte]'] === String(at('2026-03-02T00:00:00Z')) ? { status: 400, code: 'x' } : null
  const earlier = { ...sync, from: marchFirst }
  expect(await messageOf(syncStripe(earlier))).toBe(
    'Stripe at 127.0.0.1 responded with status 400, request req_1: Not now.',
  )
  expect(await coverageOf(sync)).toEqual([fifth, end])
  fake.fault = () => null
  await syncStripe(earlier)
  expect(await coverageOf(sync)).toEqual([marchFirst, end])
  await expectAccount(sync)
})

test('a start that would leave a gap is rejected, and nothing is written', async () => {
  const fake = await startFake()
  const sync = await syncOf(fake)
  await database.query(
    `insert into ledger_coverage (account_id, livemode, available_from, available_until, updated_at)
     values ($1, false, '2026-01-01', '2026-02-01', now())`,
    [sync.tenant.accountId],
  )
  await expect(syncStripe(sync)).rejects.toThrow(/there is a gap between them/)
  expect(await idsOf(sync)).toEqual([])
})

test('a key of another account is rejected, but a key that cannot read its account is not', async () => {
  const fake = await startFake()
  const sync = { ...(await syncOf(fake)), from: new Date('2026-03-18T00:00:00Z') }
  await syncStripe(sync)
  fake.accountId = 'acct_other'
  await expect(syncStripe(sync)).rejects.toThrow(
    /comes from the Stripe account acct_stripe, but the key in STRIPE_API_KEY belongs to acct_other/,
  )
  fake.fault = ({ path }) => (path === '/v1/account' ? { status: 403 } : null)
  expect(await syncStripe(sync)).toMatchObject({ rows: 0 })
})

test('two syncs of one ledger do not run at once', async () => {
  const fake = await startFake()
  const sync = { ...(await syncOf(fake)), from: marchFirst }
  const results = await Promise.allSettled([
    syncStripe(sync),
    syncStripe({ ...sync, client: await connect() }),
  ])
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(results).toContainEqual(
    expect.objectContaining({
      reason: expect.objectContaining({ message: expect.stringMatching(/^Another sync/) }),
    }),
  )
  await expectAccount(sync)
})

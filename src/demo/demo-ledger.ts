import type pg from 'pg'
import { extendCoverage, ledgerSides, lockLedger, readCoverage } from '../ledger/coverage.ts'
import { loadLedger } from '../ledger/load.ts'
import { emptyBatch } from '../ledger/rows.ts'
import type { Tenant } from '../tenant.ts'
import { createDemoBilling, feeDetailsOf } from './billing.ts'
import { createDemoBook, type DemoBook } from './book.ts'
import { businessOn, type Day, dayOf, firstDayBefore, isLastOfMonth, momentOf } from './calendar.ts'
import { chargeSubscriptions, sellOrders } from './charges.ts'
import { createDemoCustomers } from './customers.ts'
import { createDemoIds } from './ids.ts'
import { type DemoMarket, demoMarkets } from './markets.ts'
import { createDemoPayouts } from './payouts.ts'
import { createDemoRandom } from './random.ts'
import { planReversals } from './reversals.ts'
import type { DemoBatch } from './rows.ts'

/** The ledger in parts of about a month, generated on demand. Can be iterated once. */
export type DemoLedger = Generator<DemoBatch, void>

const sizes = { test: { orders: 103_000, customers: 4200 }, live: { orders: 10_300, customers: 600 } }

type Span = { firstDay: Day; days: number; endsAt: Date }

/**
 * Generates the ledger of a web shop that sells in usd, eur and jpy, over the 24 calendar months before `endsAt`: about
 * 120,000 balance transactions in test mode, and a tenth of that in live mode. The same `endsAt` and mode always
 * generate the same rows. The two modes share no ids.
 *
 * No row is created at or after `endsAt`. Automatic payouts that arrive later are `in_transit` and effective later. The
 * balance of a currency is never negative.
 *
 * @throws RangeError when `endsAt` is not midnight UTC
 */
export function generateDemoLedger(options: { endsAt: Date; livemode: boolean }): DemoLedger {
  const { endsAt, livemode } = options
  if (momentOf(dayOf(endsAt)).getTime() !== endsAt.getTime()) {
    throw new RangeError(`The end of the demo ledger must be midnight UTC, not ${String(endsAt)}.`)
  }
  return generate(endsAt, livemode)
}

/**
 * Loads the demo ledger of an account in one mode, and records its coverage.
 *
 * - Runs in the caller's open transaction, and neither begins nor commits it, so no reader sees a part of the ledger.
 * - Changes nothing when the account and mode already have coverage; `isNew` is false then.
 * - Concurrent processes wait for each other, and the second one finds the ledger of the first.
 *
 * @throws Error when the client has no open transaction
 */
export async function loadDemoLedger(
  client: pg.ClientBase,
  options: Tenant & {
    endsAt: Date
    /** Called with the number of balance transactions that are loaded so far. */
    onProgress?: (rows: number) => void
  },
): Promise<{ balanceTransactions: number; isNew: boolean }> {
  const { accountId, livemode, endsAt, onProgress } = options
  const ledger = generateDemoLedger({ endsAt, livemode })
  if (client.getTransactionStatus() !== 'T') {
    throw new Error(
      `Loading the demo ledger of ${accountId} requires an open transaction. Begin one on this client.`,
    )
  }
  await lockLedger(client, options)
  if (await readCoverage(client, options)) return { balanceTransactions: 0, isNew: false }

  const { balanceTransactions } = await loadLedger(client, { accountId, livemode }, ledger, onProgress)
  const span = { from: momentOf(firstDayBefore(endsAt)), until: endsAt }
  await extendCoverage(client, options, span, ledgerSides)
  return { balanceTransactions, isNew: true }
}

/**
 * Creates the shop of one market. The refunds and disputes of a day happen between `settle` and `trade`, so that they never
 * exceed the balance: automatic payouts have left it by then, and the day's sales do not count yet.
 */
function createShop(
  book: DemoBook,
  market: DemoMarket,
  span: Span,
  size: { orders: number; customers: number },
  nextOrder: () => number,
) {
  const { firstDay, days, endsAt } = span
  const customerCount = Math.round(size.customers * market.share)
  const customers = createDemoCustomers(market, customerCount, span, book.random, book.newId)
  const payouts = createDemoPayouts(book, market, endsAt)
  const billing = createDemoBilling(book, market)
  const business = Array.from({ length: days }, (_, index) => businessOn(firstDay + index, firstDay, days))
  const ordersPerBusiness = (size.orders * market.share) / business.reduce((sum, value) => sum + value, 0)

  const settle = (day: Day) => {
    payouts.payAutomatically(day)
    billing.bill(day)
    billing.adjust(day)
  }

  const trade = (day: Day) => {
    payouts.payManually(day)
    const passed = day - firstDay
    const orders = sellOrders(book, market, customers, {
      day,
      expected: (business[passed] ?? 0) * ordersPerBusiness,
      customersSoFar: Math.ceil(customerCount * (0.2 + 0.8 * (passed / days))),
      nextOrder,
    })
    const sales = [...orders, ...chargeSubscriptions(book, market, customers, day)]
    for (const sale of sales) planReversals(book, market, sale)
    billing.count(sales)
  }

  return { customers, settle, trade }
}

function* generate(endsAt: Date, livemode: boolean): DemoLedger {
  const firstDay = firstDayBefore(endsAt)
  const span = { firstDay, days: dayOf(endsAt) - firstDay, endsAt }
  const seed = dayOf(endsAt) * 2 + Number(livemode)
  const newId = createDemoIds(seed * 7919, livemode)
  const book = createDemoBook(createDemoRandom([seed, 0x5ca1ab1e, 0x0ac0ffee]), newId, endsAt)
  let orders = livemode ? 400_000 : 100_000
  const nextOrder = () => ++orders
  const size = livemode ? sizes.live : sizes.test
  const shops = demoMarkets.map((market) => createShop(book, market, span, size, nextOrder))

  const customers = shops.flatMap((shop) => shop.customers.map((customer) => customer.row))
  // Fee reports require a live key, so fee details are never visible in test mode, and they take long to load.
  const takeBatch = (everything: boolean): DemoBatch => {
    const batch = book.takeBatch(everything)
    return livemode ? { ...batch, feeDetails: batch.balanceTransactions.flatMap(feeDetailsOf) } : batch
  }

  yield { ...emptyBatch(), customers }
  for (let day = firstDay; day < firstDay + span.days; day++) {
    for (const shop of shops) shop.settle(day)
    book.runEvents(day)
    for (const shop of shops) shop.trade(day)
    if (isLastOfMonth(day)) yield takeBatch(false)
  }
  yield takeBatch(true)
}

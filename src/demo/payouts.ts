import type { DemoBook } from './book.ts'
import { businessDaysAfter, type Day, dayOfMonth, momentOf, monthOf, weekdayOf } from './calendar.ts'
import type { DemoMarket } from './markets.ts'
import type { DemoPayout } from './rows.ts'

/**
 * Creates the payouts of one market.
 *
 * An automatic payout is the net of the rows that it sweeps, and leaves the balance on its arrival date. A payout that
 * arrives at or after `endsAt` is `in_transit`: its rows are swept, but its own row is effective after the end of the
 * ledger, so the ending balance still includes it. The balance is always the sum of waiting rows and payouts in
 * transit.
 *
 * A manual payout leaves the balance immediately. Its row waits like any other row, and reduces the next automatic
 * payout that sweeps it. The row that returns a failed payout is swept, too.
 */
export function createDemoPayouts(book: DemoBook, market: DemoMarket, endsAt: Date) {
  const { random, newId } = book
  const { currency, payout: rules } = market
  const destinationIds = {
    bank_account: newId('ba', new Date(0)),
    card: newId('card', new Date(0)),
  }
  let automaticPayouts = 0

  const addPayout = (
    at: Date,
    details: Pick<DemoPayout, 'amount' | 'arrivalDate' | 'isAutomatic' | 'description' | 'reversedAt'> & {
      type: keyof typeof destinationIds
    },
  ): DemoPayout => {
    const hasArrived = details.arrivalDate < endsAt
    const settled = hasArrived ? 'paid' : 'in_transit'
    const payout = {
      ...details,
      id: newId('po', at),
      currency,
      created: at,
      effectiveAt: details.isAutomatic ? details.arrivalDate : at,
      status: details.reversedAt ? 'failed' : settled,
      destinationId: destinationIds[details.type],
      statementDescriptor: 'ACORN AND OAK',
      ...traceOf(hasArrived),
    }
    book.addPayout(payout)
    return payout
  }

  const traceOf = (hasArrived: boolean): Pick<DemoPayout, 'traceId' | 'traceIdStatus'> => {
    if (!rules.hasTraceId) return { traceId: null, traceIdStatus: 'unsupported' }
    if (!hasArrived) return { traceId: null, traceIdStatus: 'pending' }
    return {
      traceId: String(random.between(10_000_000, 99_999_999)) + random.between(1000, 9999),
      traceIdStatus: 'supported',
    }
  }

  const returnLater = (payout: DemoPayout, at: Date) =>
    book.later(at, () => {
      book.post({
        type: 'payout_failure',
        reportingCategory: 'payout_reversal',
        currency,
        amount: payout.amount,
        created: at,
        description: 'Payout failed: the bank account was closed',
        sourceId: payout.id,
        payoutId: payout.id,
      })
    })

  return {
    /** Pays out the available balance on the market's payout days. Call it first on each day. */
    payAutomatically: (day: Day) => {
      if (!rules.weekdays.includes(weekdayOf(day))) return
      const at = momentOf(day, random.between(2 * 3600, 3 * 3600 - 1))
      const rows = book.sweep(currency, at)
      if (rows.length === 0) return
      automaticPayouts += 1
      const arrivalDay = businessDaysAfter(day, rules.arrivesAfter)
      const backAt = momentOf(businessDaysAfter(arrivalDay, 1), 9 * 3600 + random.between(0, 3600))
      const fails =
        automaticPayouts % rules.failsEvery === Math.floor(rules.failsEvery / 2) && backAt < endsAt
      const payout = addPayout(at, {
        type: 'bank_account',
        amount: rows.reduce((sum, row) => sum + row.net, 0),
        arrivalDate: momentOf(arrivalDay),
        isAutomatic: true,
        reversedAt: fails ? backAt : null,
        description: 'STRIPE PAYOUT',
      })
      for (const row of rows) row.automaticPayoutId = payout.id
      book.postPayout(payoutRow(payout, 0), payout.effectiveAt)
      if (fails) returnLater(payout, backAt)
    },
    /** Pays out a part of the balance manually in some months. */
    payManually: (day: Day) => {
      if (dayOfMonth(day) !== 18 || monthsSince2000(day) % rules.manualEveryMonths !== 0) return
      const { isInstant, permille } = rules.manual
      const at = momentOf(day, 14 * 3600 + random.between(0, 3600))
      const amount = Math.floor((book.held(currency) * 0.3) / 1000) * 1000
      if (amount <= 0) return
      const payout = addPayout(at, {
        type: isInstant ? 'card' : 'bank_account',
        amount,
        arrivalDate: isInstant ? at : momentOf(businessDaysAfter(day, rules.arrivesAfter)),
        isAutomatic: false,
        description: 'Rent, "head office"',
      })
      book.post(payoutRow(payout, Math.round((amount * permille) / 1000)))
    },
  }
}

function monthsSince2000(day: Day) {
  return (momentOf(day).getUTCFullYear() - 2000) * 12 + monthOf(day)
}

function payoutRow(payout: DemoPayout, fee: number) {
  return {
    type: 'payout',
    reportingCategory: 'payout',
    currency: payout.currency,
    amount: -payout.amount,
    fee,
    created: payout.created,
    availableOn: payout.effectiveAt,
    description: payout.description ?? null,
    sourceId: payout.id,
    payoutId: payout.id,
  }
}

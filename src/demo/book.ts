import { emptyBatch } from '../ledger/rows.ts'
import { type Day, dayOf, momentOf } from './calendar.ts'
import type { NewDemoId } from './ids.ts'
import type { DemoRandom } from './random.ts'
import type { DemoBalanceTransaction, DemoBatch, DemoCharge, DemoPayout } from './rows.ts'

/** A balance transaction to post. The omitted fields are computed. */
export type DemoPosting = Omit<
  DemoBalanceTransaction,
  'id' | 'net' | 'fee' | 'availableOn' | 'effectiveAt' | 'automaticPayoutId'
> & { fee?: number; availableOn?: Date }

export type DemoBook = ReturnType<typeof createDemoBook>

type Event = { at: Date; happen: (at: Date) => void }

/** Creates the shop's books: posted rows, rows that wait for a payout, and future events. */
export function createDemoBook(random: DemoRandom, newId: NewDemoId, endsAt: Date) {
  const waitingRows = new Map<string, DemoBalanceTransaction[]>()
  const heldSums = new Map<string, number>()
  const agenda = new Map<Day, Event[]>()
  let batch: DemoBatch = emptyBatch()

  const held = (currency: string): number => heldSums.get(currency) ?? 0

  const complete = (posting: DemoPosting, effectiveAt: Date): DemoBalanceTransaction => {
    const fee = posting.fee ?? 0
    const id = newId('txn', posting.created)
    const availableOn = posting.availableOn ?? posting.created
    return { ...posting, id, fee, net: posting.amount - fee, availableOn, effectiveAt }
  }

  return {
    random,
    newId,
    addCharge: (charge: DemoCharge) => void batch.charges.push(charge),
    addPayout: (payout: DemoPayout) => void batch.payouts.push(payout),
    /** Posts a row that waits for the next automatic payout. It is effective when it is created. */
    post: (posting: DemoPosting): DemoBalanceTransaction => {
      const row = complete(posting, posting.created)
      append(waitingRows, row.currency, row)
      heldSums.set(row.currency, held(row.currency) + row.net)
      return row
    },
    /** Posts the row of an automatic payout, which does not wait for a payout. */
    postPayout: (posting: DemoPosting, effectiveAt: Date) =>
      void batch.balanceTransactions.push(complete(posting, effectiveAt)),
    /** Returns the net of all waiting rows of a currency: the amount that can be paid back without a negative balance. */
    held,
    /**
     * Removes and returns the waiting rows that are available at a time, if their sum is positive. The caller must set the
     * payout of each row.
     */
    sweep: (currency: string, at: Date): DemoBalanceTransaction[] => {
      // Comparing numbers is several times faster than comparing dates.
      const isDue = (row: DemoBalanceTransaction) => row.availableOn.getTime() <= at.getTime()
      const waiting = waitingRows.get(currency) ?? []
      const due = waiting.filter(isDue)
      const sum = due.reduce((total, row) => total + row.net, 0)
      if (sum <= 0) return []
      waitingRows.set(
        currency,
        waiting.filter((row) => !isDue(row)),
      )
      heldSums.set(currency, held(currency) - sum)
      batch.balanceTransactions.push(...due)
      return due
    },
    /** Schedules an event. Events at or after the end of the ledger are dropped. */
    later: (at: Date, happen: Event['happen']) => {
      if (at < endsAt) append(agenda, dayOf(at), { at, happen })
    },
    /** Runs the events of a day in order of time. */
    runEvents: (day: Day) => {
      const events = agenda.get(day) ?? []
      agenda.delete(day)
      for (const { at, happen } of events.sort((a, b) => a.at.getTime() - b.at.getTime())) happen(at)
    },
    /** Removes and returns the rows that are final; all rows when `everything` is true. */
    takeBatch: (everything: boolean): DemoBatch => {
      if (everything) {
        batch.balanceTransactions.push(...[...waitingRows.values()].flat())
        waitingRows.clear()
      }
      const taken = batch
      batch = emptyBatch()
      return taken
    },
  }
}

/** Returns a random time after the payouts of a day, `days` days after `at`. */
export function someTimeAfter(at: Date, days: number, random: DemoRandom): Date {
  return momentOf(dayOf(at) + days, random.between(3 * 3600, 24 * 3600 - 1))
}

/** Schedules an event that pays money back. It is postponed by a day while the balance is too low. */
export function payBackLater(
  book: DemoBook,
  money: { currency: string; cost: number },
  at: Date,
  event: (at: Date) => void,
): void {
  book.later(at, (now) => {
    if (book.held(money.currency) >= money.cost) event(now)
    else payBackLater(book, money, momentOf(dayOf(now) + 1, (now.getTime() / 1000) % 86_400), event)
  })
}

function append<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}

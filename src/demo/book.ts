import { emptyBatch } from '../ledger/rows.ts'
import { type Day, dayOf, momentOf } from './calendar.ts'
import type { NewDemoId } from './ids.ts'
import type { DemoRandom } from './random.ts'
import type { DemoBalanceTransaction, DemoBatch, DemoCharge, DemoPayout } from './rows.ts'

/** A balance transaction to post; what is left out follows from the rest. */
export type DemoPosting = Omit<
  DemoBalanceTransaction,
  'id' | 'net' | 'fee' | 'availableOn' | 'effectiveAt' | 'automaticPayoutId'
> & { fee?: number; availableOn?: Date }

export type DemoBook = ReturnType<typeof createDemoBook>

type Event = { at: Date; happen: (at: Date) => void }

/** The shop's books while the days are played through: what was posted, what waits for a payout, what comes later. */
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
    /** Posts a row that waits for the next automatic payout. Its net is computed; it is effective when created. */
    post: (posting: DemoPosting): DemoBalanceTransaction => {
      const row = complete(posting, posting.created)
      append(waitingRows, row.currency, row)
      heldSums.set(row.currency, held(row.currency) + row.net)
      return row
    },
    /** Posts the row of an automatic payout: it waits for none. */
    postPayout: (posting: DemoPosting, effectiveAt: Date) =>
      void batch.balanceTransactions.push(complete(posting, effectiveAt)),
    /** Sum of the net of all rows of that currency that wait for a payout: what can be given back without a debt. */
    held,
    /**
     * Takes out the waiting rows that are available at a moment, provided that they sum to more than nothing; the caller
     * names the payout in each of them.
     */
    sweep: (currency: string, at: Date): DemoBalanceTransaction[] => {
      // As numbers, because comparing two dates calls into each of them and is several times slower.
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
    /** Has something happen at a later moment; nothing that lies at or after the ledger's end does. */
    later: (at: Date, happen: Event['happen']) => {
      if (at < endsAt) append(agenda, dayOf(at), { at, happen })
    },
    /** Makes the events of a day happen, in the order of time. */
    play: (day: Day) => {
      const events = agenda.get(day) ?? []
      agenda.delete(day)
      for (const { at, happen } of events.sort((a, b) => a.at.getTime() - b.at.getTime())) happen(at)
    },
    /** The rows that nothing changes any more since the last call; all of them when `everything` is true. */
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

/** A moment some days after another, at a random time that comes after the day's payouts. */
export function someTimeAfter(at: Date, days: number, random: DemoRandom): Date {
  return momentOf(dayOf(at) + days, random.between(3 * 3600, 24 * 3600 - 1))
}

/** Has money given back at a later moment; while less is held than that, it waits for another day. */
export function giveBackLater(
  book: DemoBook,
  money: { currency: string; cost: number },
  at: Date,
  event: (at: Date) => void,
): void {
  book.later(at, (now) => {
    if (book.held(money.currency) >= money.cost) event(now)
    else giveBackLater(book, money, momentOf(dayOf(now) + 1, (now.getTime() / 1000) % 86_400), event)
  })
}

function append<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}

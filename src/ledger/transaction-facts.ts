import type pg from 'pg'
import { InputError } from '../errors.ts'
import type { Tenant } from '../tenant.ts'
import type { FieldMergeOptions } from './field-merge.ts'
import { majorUnits } from './minor-units.ts'
import type { LedgerRow, LedgerValue } from './rows.ts'

// Stripe never changes a balance transaction. What two sources say of one transaction can differ only as follows:
//
// - amount, fee, net, currency: equal. A field that a source only assumes is not compared.
// - created: equal, or in the same minute when one of both times is a whole minute, as in the balance history. The
//   itemized payouts do not contain the creation of a payout, so it is not compared for payouts.
// - type: equal, or one of both is the old name of a payout, "transfer…".
// - Everything else can be completed or change: what payouts swept the row, when its amount becomes available, the
//   reporting category and details of the source. Charges, customers and payouts are objects that do change.

const facts = ['amount', 'fee', 'net', 'currency', 'created', 'type'] as const
type Fact = (typeof facts)[number]

/** Two sources contradict each other about a balance transaction. */
export class ContradictionError extends InputError {
  readonly transactionId: string
  /** A clause such as `has the amount 12.00 usd, but is known with 10.00 usd`. */
  readonly contradiction: string

  constructor(transactionId: string, contradiction: string) {
    super(
      `The balance transaction ${transactionId} ${contradiction}. ${neverChanges} Nothing was changed.`,
      [],
    )
    this.transactionId = transactionId
    this.contradiction = contradiction
  }
}

/** Why a contradiction is refused, and the way out. */
export const neverChanges =
  'A balance transaction never changes, so one of the two is wrong or belongs to another account. Export it again from Stripe, or import into another account.'

/** Creates the comparison of rows that are merged. */
export function createFactCheck({ assumed, isCurrent }: FieldMergeOptions) {
  const compared = facts.filter((fact) => !assumed.includes(fact))
  const differing = compared.map((fact) => differs[fact]).join(' or ')
  const compare = (known: LedgerRow, added: LedgerRow): void => {
    const fact = compared.find((name) => contradict(name, known, added))
    if (fact !== undefined) throw contradictionOf(fact, known, added, isCurrent ? " in Stripe's API" : '')
  }
  return {
    /** @throws ContradictionError when two rows with one id contradict each other */
    compare,
    /**
     * Compares the rows of the temporary table `merging_balance_transactions` with the ledger.
     *
     * @throws ContradictionError for the first row that contradicts the ledger
     */
    compareStored: async (client: pg.ClientBase, { accountId, livemode }: Tenant): Promise<void> => {
      const { rows } = await client.query<{ known: LedgerRow; added: LedgerRow }>(
        `select ${asJson('known')} as known, ${asJson('added')} as added
         from merging_balance_transactions added
         join balance_transactions known
           on known.account_id = $1 and known.livemode = $2::boolean and known.id = added.id
         where ${differing}
         order by added.id collate "C" limit 1`,
        [accountId, livemode],
      )
      for (const { known, added } of rows) compare(known, added)
    },
  }
}

/** A row as an object in JSON. Amounts are text, because JavaScript rounds large numbers. */
function asJson(table: string): string {
  return `jsonb_build_object('id', ${table}.id, 'reportingCategory', ${table}.reporting_category,
    'amount', ${table}.amount::text, 'fee', ${table}.fee::text, 'net', ${table}.net::text,
    'currency', ${table}.currency, 'created', ${table}.created, 'type', ${table}.type)`
}

/** Conditions that are true for every contradiction, and for few other rows. */
const differs: Readonly<Record<Fact, string>> = {
  amount: 'known.amount <> added.amount',
  fee: 'known.fee <> added.fee',
  net: 'known.net <> added.net',
  currency: 'known.currency <> added.currency',
  created: `(known.created <> added.created
    and (date_trunc('minute', known.created) <> date_trunc('minute', added.created)
      or extract(second from known.created) <> 0 and extract(second from added.created) <> 0)
    and 'payout' not in (known.reporting_category, added.reporting_category))`,
  type: `replace(known.type, 'transfer', 'payout') <> replace(added.type, 'transfer', 'payout')`,
}

const minute = 60_000

function contradict(fact: Fact, known: LedgerRow, added: LedgerRow): boolean {
  const [before, after] = [known[fact] ?? null, added[fact] ?? null]
  if (before === null || after === null) return false
  if (fact === 'type') return currentName(before) !== currentName(after)
  if (fact !== 'created') return String(before) !== String(after)
  if ([known.reportingCategory, added.reportingCategory].includes('payout')) return false
  const [first, second] = [timeOf(before), timeOf(after)]
  if (first === second) return false
  const isSameMinute = Math.floor(first / minute) === Math.floor(second / minute)
  return !isSameMinute || (first % minute !== 0 && second % minute !== 0)
}

function currentName(type: LedgerValue): string {
  return String(type).replaceAll('transfer', 'payout')
}

function timeOf(value: LedgerValue): number {
  return value instanceof Date ? value.getTime() : Date.parse(String(value))
}

function contradictionOf(fact: Fact, known: LedgerRow, added: LedgerRow, place: string): ContradictionError {
  const show = (row: LedgerRow): string => {
    const value = row[fact]
    if (fact === 'created') return new Date(timeOf(value)).toISOString().replace('.000Z', 'Z')
    if (fact === 'currency' || fact === 'type') return String(value)
    return `${majorUnits(BigInt(String(value)), String(row.currency))} ${row.currency}`
  }
  const name = fact === 'created' ? 'creation time' : fact
  return new ContradictionError(
    String(added.id),
    `has the ${name} ${show(added)}${place}, but is known with ${show(known)}`,
  )
}

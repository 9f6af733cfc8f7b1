import type { LedgerAddress, LedgerTable, LedgerValue, Metadata } from './rows.ts'

/** Merges a field of an existing row with that of a new row. Both forms give the same result. */
export type FieldMerge = {
  /** @param known, added expressions of the values in SQL */
  sql(known: string, added: string): string
  value(known: LedgerValue, added: LedgerValue): LedgerValue
}

export type FieldMergeOptions = {
  /** Fields of balance transactions that the new rows only assume. */
  assumed: readonly string[]
  /** True when the new rows show the present state of their objects, as Stripe's API does. */
  isCurrent: boolean
}

/** The new value, unless it is null. */
const replace: FieldMerge = {
  sql: (known, added) => `coalesce(${added}, ${known})`,
  value: (known, added) => added ?? known,
}

/** The existing value, unless it is null. For values that the new row only assumes. */
const keep: FieldMerge = {
  sql: (known, added) => `coalesce(${known}, ${added})`,
  value: (known, added) => known ?? added,
}

/** The keys of both objects. The new value of a key wins. */
const join: FieldMerge = {
  sql: (known, added) => `coalesce(${known} || ${added}, ${added}, ${known})`,
  value: (known, added) =>
    // Only fields of these types have this merge.
    known && added ? { ...(known as Joined), ...(added as Joined) } : (added ?? known),
}
type Joined = Metadata | LedgerAddress

/**
 * The later of both times. Some exports have times in whole minutes, so the later of two times in one minute is the more
 * precise one.
 */
const latest: FieldMerge = {
  sql: (known, added) => `greatest(${known}, ${added})`,
  value: (known, added) => (known && added && known > added ? known : (added ?? known)),
}

/** The value that comes later in the life of an object; a value that is not listed comes last. */
function furthest(...order: readonly string[]): FieldMerge {
  const list = `array[${order.map((value) => `'${value}'`).join(', ')}]`
  const rank = (value: LedgerValue): number => {
    const index = order.indexOf(String(value))
    return index < 0 ? order.length : index
  }
  return {
    sql: (known, added) =>
      `case when array_position(${list}, ${added}) < coalesce(array_position(${list}, ${known}), case when ${known} is null then 0 else ${order.length + 1} end)
       then ${known} else coalesce(${added}, ${known}) end`,
    value: (known, added) => (known && added && rank(added) < rank(known) ? known : (added ?? known)),
  }
}

/** In old exports, a transfer to the bank has a type that starts with "transfer". Now it starts with "payout". */
const currentType: FieldMerge = {
  sql: (known, added) =>
    `case when ${known} like 'payout%' and ${added} like 'transfer%' then ${known} else coalesce(${added}, ${known}) end`,
  value: (known, added) =>
    String(known).startsWith('payout') && String(added).startsWith('transfer') ? known : (added ?? known),
}

/** Categories that are derived from a row with too few facts. A row with more facts can have another one. */
const vagueCategories: readonly LedgerValue[] = ['other_adjustment', 'transfer', 'transfer_reversal']

/** A category that is derived from the type: it replaces only a derived one that is vague. */
const derivedCategory: FieldMerge = {
  sql: (known, added) =>
    `case when known.is_category_given is not true and ${known} in (${vagueCategories.map((value) => `'${value}'`).join(', ')})
     then ${added} else ${known} end`,
  value: (known, added) => (vagueCategories.includes(known) ? added : known),
}

/** The special merges of a table, by field. */
function specialMerges({ assumed, isCurrent }: FieldMergeOptions) {
  const category = assumed.includes('reportingCategory') ? derivedCategory : replace
  const time = isCurrent ? replace : latest
  const tables: Partial<Record<LedgerTable, Readonly<Record<string, FieldMerge>>>> = {
    balance_transactions: {
      type: currentType,
      reportingCategory: category,
      created: latest,
      availableOn: time,
      effectiveAt: {
        // `settlePayouts` sets the time of a payout. Every other row changes the balance when it is created.
        sql: (known) =>
          `case when ${category.sql('known.reporting_category', 'excluded.reporting_category')} = 'payout'
           then ${known} else ${latest.sql('known.created', 'excluded.created')} end`,
        value: latest.value,
      },
    },
    payouts: {
      created: latest,
      effectiveAt: time,
      arrivalDate: time,
      reversedAt: latest,
      status: furthest('pending', 'in_transit', 'paid', 'canceled', 'failed'),
      traceIdStatus: furthest('pending', 'unsupported', 'supported'),
    },
  }
  return tables
}

/** Fields whose keys are joined: metadata, and addresses, because a row can have only some parts of an address. */
const joinedFields = /(metadata|address)$/i

/** Creates a function that returns the merge of a field of a table. */
export function fieldMerges(table: LedgerTable, options: FieldMergeOptions): (field: string) => FieldMerge {
  const special = specialMerges(options)[table] ?? {}
  return (field) => {
    if (special[field]) return special[field]
    if (joinedFields.test(field)) return join
    return options.assumed.includes(field) ? keep : replace
  }
}

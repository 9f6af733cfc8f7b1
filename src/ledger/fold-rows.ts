import type { LedgerAddress, LedgerValue, Metadata } from './rows.ts'

/** How a field of a row that is known meets the same field of a newer one. */
export type FieldMerge = 'replace' | 'keep' | 'join'

/** The fields that are objects of which the keys are joined: metadata, and addresses of which a row may know a part. */
const joinedFields: readonly string[] = [
  'metadata',
  'refundMetadata',
  'transferMetadata',
  'address',
  'shippingAddress',
  'cardAddress',
]

/**
 * What becomes of each field when a row is already known:
 *
 * - `replace`: the new value, unless it is null; what a row does not say stays as it is.
 * - `keep`: the known value, unless it is null; for what the new row only assumes.
 * - `join`: the keys of both objects, of which the new one's win.
 *
 * @param assumed names of the fields that are to be kept
 */
export function fieldMerges<Field extends PropertyKey>(
  fields: readonly Field[],
  assumed: readonly Field[],
): ReadonlyMap<Field, FieldMerge> {
  return new Map(
    fields.map((field) => {
      if (joinedFields.includes(String(field))) return [field, 'join']
      return [field, assumed.includes(field) ? 'keep' : 'replace']
    }),
  )
}

/** What `joinedFields` hold. */
type Joined = Metadata | LedgerAddress

/** Puts a row among others by its id; one that is there is completed, as the database will complete its own. */
export function foldRow<Row extends { id: string } & { [Key in keyof Row]: LedgerValue }>(
  rows: Map<string, Row>,
  row: Row,
  merges: ReadonlyMap<keyof Row, FieldMerge>,
): void {
  const known = rows.get(row.id)
  if (!known) {
    rows.set(row.id, row)
    return
  }
  if (!saysMore(known, row, merges.keys())) return
  const fields = [...merges].map(([field, merge]) => [field, foldField(merge, known[field], row[field])])
  // Object.fromEntries forgets the fields; each has the value that it had in one of the two rows, or the keys of both.
  rows.set(row.id, Object.fromEntries(fields) as Row)
}

function foldField(merge: FieldMerge, known: LedgerValue, added: LedgerValue): LedgerValue {
  if (merge === 'keep') return known ?? added
  // Only these are joined.
  if (merge === 'join' && known && added) return { ...(known as Joined), ...(added as Joined) }
  return added ?? known
}

/** The same payout is named by each row that it swept, so this is asked often. */
function saysMore<Row>(known: Row, row: Row, fields: Iterable<keyof Row>): boolean {
  for (const field of fields) {
    const value = row[field]
    if (value !== null && value !== undefined && value !== known[field]) return true
  }
  return false
}

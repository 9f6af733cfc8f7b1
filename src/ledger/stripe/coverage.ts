import type pg from 'pg'
import { ConfigurationError } from '../../errors.ts'
import type { LedgerOwner } from '../rows.ts'

type Span = { from: Date; until: Date }

/**
 * Adds a span to what the ledger covers, once the two touch: coverage has no holes, so until then it stays as it is.
 */
export const extendCoverage = async (
  client: pg.ClientBase,
  owner: LedgerOwner,
  { from, until }: Span,
): Promise<void> => {
  await client.query(
    `insert into ledger_coverage as known (account_id, livemode, available_from, available_until, updated_at)
     values ($1, $2, $3, $4, now())
     on conflict (account_id, livemode) do update set
       available_from = least(known.available_from, excluded.available_from),
       available_until = greatest(known.available_until, excluded.available_until),
       updated_at = now()
     where known.available_from <= excluded.available_until and excluded.available_from <= known.available_until`,
    [owner.accountId, owner.livemode, from, until],
  )
}

/** @throws ConfigurationError when a ledger that is read from this time on would leave a hole after what is covered */
export const refuseHole = async (client: pg.ClientBase, owner: LedgerOwner, from: Date): Promise<void> => {
  const { rows } = await client.query<{ until: Date }>(
    `select available_until as until from ledger_coverage
     where account_id = $1 and livemode = $2 and available_until < $3`,
    [owner.accountId, owner.livemode, from],
  )
  const [covered] = rows
  if (!covered) return
  const until = covered.until.toISOString()
  throw new ConfigurationError(
    `The ledger of ${owner.accountId} ends at ${until}. Beginning at ${from.toISOString()} would leave a hole: say --from ${until}, or earlier.`,
  )
}

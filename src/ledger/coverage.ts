import type pg from 'pg'
import { InputError } from '../errors.ts'
import { type Tenant, tenantKey } from '../tenant.ts'

/** A span of time. `until` is exclusive. */
export type Span = { from: Date; until: Date }

/** A side of a ledger: payouts, or everything else that changes the balance. An export can contain only one side. */
export type LedgerSide = 'activity' | 'payouts'

export const ledgerSides: readonly LedgerSide[] = ['activity', 'payouts']

// Older ledgers have no coverage per side. Their coverage applies to both sides.
const selectSides = `
  select lower(side::text) as side, available_from as "from", available_until as "until" from ledger_side_coverage
  where account_id = $1 and livemode = $2::boolean
  union all
  select side, available_from, available_until from ledger_coverage c, unnest($3::text[]) side
  where account_id = $1 and livemode = $2::boolean and not exists (
    select from ledger_side_coverage s where (s.account_id, s.livemode) = (c.account_id, c.livemode)
  )`

// A ledger without coverage per side, such as an older one, knows its payouts as its coverage says.
const readKnownPayouts = `
  select coalesce(
    (select payouts_known_in from ledger_side_coverage
     where account_id = $1 and livemode = $2::boolean and side = 'ACTIVITY'),
    (select tstzmultirange(tstzrange(available_from, available_until)) from ledger_coverage
     where account_id = $1 and livemode = $2::boolean and payouts_known),
    '{}') as known`

const writeKnownPayouts = `
  update ledger_side_coverage
  set payouts_known_in = $3::tstzmultirange + tstzmultirange(tstzrange($4::timestamptz, $5::timestamptz))
  where account_id = $1 and livemode = $2::boolean and side = 'ACTIVITY'`

const writeSide = `
  insert into ledger_side_coverage (account_id, livemode, side, available_from, available_until)
  values ($1, $2::boolean, upper($3)::"LedgerSide", $4::timestamptz, $5::timestamptz)
  on conflict (account_id, livemode, side) do update
  set available_from = excluded.available_from, available_until = excluded.available_until`

// The ledger covers the intersection of its sides.
const writeCoverage = `
  insert into ledger_coverage (account_id, livemode, available_from, available_until, payouts_known, updated_at)
  select account_id, livemode, max(available_from), min(available_until),
    range_agg(payouts_known_in) @> tstzrange(max(available_from), min(available_until)), now()
  from ledger_side_coverage
  where account_id = $1 and livemode = $2::boolean
  group by account_id, livemode
  having count(*) = 2 and max(available_from) < min(available_until)
  on conflict (account_id, livemode) do update
  set available_from = excluded.available_from,
      available_until = excluded.available_until,
      payouts_known = excluded.payouts_known,
      updated_at = excluded.updated_at
  where (ledger_coverage.available_from, ledger_coverage.available_until, ledger_coverage.payouts_known)
    is distinct from (excluded.available_from, excluded.available_until, excluded.payouts_known)`

/** The span that a ledger covers with both sides, and whether the payout that swept each row of the span is known. */
export type Coverage = Span & { payoutsKnown: boolean }

/** Returns the coverage of the ledger; null when there is none. */
export async function readCoverage(client: pg.ClientBase, tenant: Tenant): Promise<Coverage | null> {
  const { rows } = await client.query<Coverage>(
    `select available_from as "from", available_until as "until", payouts_known as "payoutsKnown"
     from ledger_coverage
     where account_id = $1 and livemode = $2::boolean`,
    [tenant.accountId, tenant.livemode],
  )
  return rows[0] ?? null
}

/**
 * Checks that a span can extend the coverage, without writing.
 *
 * @throws InputError when a gap would remain between the span and the coverage
 */
export async function checkCoverage(
  client: pg.ClientBase,
  tenant: Tenant,
  span: Span,
  sides: readonly LedgerSide[],
): Promise<void> {
  const known = await readSides(client, tenant)
  for (const side of sides) join(side, known.get(side), span)
}

/** Returns true when the span overlaps or touches the coverage of every side. */
export async function meetsCoverage(client: pg.ClientBase, tenant: Tenant, span: Span): Promise<boolean> {
  const known = await readSides(client, tenant)
  return [...known.values()].every((side) => isConnected(side, span))
}

/**
 * Records that a ledger is complete in a span, for one side or both. Reports can run where both sides are complete.
 * Call it in the transaction that writes the rows, after `lockLedger`.
 *
 * @param payoutsKnown false when the rows do not show which payout swept them
 * @throws InputError when a gap would remain between the span and the coverage
 */
export async function extendCoverage(
  client: pg.ClientBase,
  tenant: Tenant,
  span: Span,
  sides: readonly LedgerSide[],
  payoutsKnown = true,
): Promise<void> {
  const owner = [tenant.accountId, tenant.livemode]
  const known = await readSides(client, tenant)
  const payouts = await client.query<{ known: string }>(readKnownPayouts, owner)
  for (const side of sides) known.set(side, join(side, known.get(side), span))
  for (const [side, { from, until }] of known) {
    await client.query(writeSide, [...owner, side, from, until])
  }
  // Equal ends are the empty range.
  const added = payoutsKnown && sides.includes('activity') ? span : { from: span.from, until: span.from }
  await client.query(writeKnownPayouts, [...owner, payouts.rows[0]?.known, added.from, added.until])
  await client.query(writeCoverage, owner)
}

/** Locks a ledger for changes until the transaction ends. Waits while another transaction has the lock. */
export async function lockLedger(client: pg.ClientBase, tenant: Tenant): Promise<void> {
  const name = `ledger ${tenantKey(tenant)}`
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [name])
}

export function earlier(a: Date, b: Date): Date {
  return a < b ? a : b
}

export function later(a: Date, b: Date): Date {
  return a > b ? a : b
}

/** Returns the coverage of each side; a side without coverage is absent. */
async function readSides(client: pg.ClientBase, tenant: Tenant): Promise<Map<LedgerSide, Span>> {
  const { rows } = await client.query<Span & { side: LedgerSide }>(selectSides, [
    tenant.accountId,
    tenant.livemode,
    ledgerSides,
  ])
  return new Map(rows.map(({ side, from, until }) => [side, { from, until }]))
}

function time(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z')
}

function isConnected(a: Span, b: Span): boolean {
  return a.from <= b.until && b.from <= a.until
}

/** Returns the union of two spans. They must overlap or touch, because the activity in a gap is unknown. */
function join(side: LedgerSide, known: Span | undefined, added: Span): Span {
  if (!known) return added
  if (isConnected(known, added)) {
    return { from: earlier(added.from, known.from), until: later(added.until, known.until) }
  }
  const isLater = added.from > known.until
  const option = isLater ? `--from ${time(known.until)}` : `--until ${time(known.from)}`
  throw new InputError(
    `The ${side} of this account is known from ${time(known.from)} until ${time(known.until)}, and the new data covers ${time(added.from)} until ${time(added.until)}: there is a gap between them. Import the data in between first, or pass ${option} if there is none.`,
    [isLater ? 'from' : 'until'],
  )
}

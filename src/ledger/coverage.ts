import type pg from 'pg'
import { InputError } from '../errors.ts'
import { type Tenant, tenantKey } from '../tenant.ts'

/** A span of time: its start, and its exclusive end. */
export type Span = { from: Date; until: Date }

/** Exports may tell one side of a ledger without the other: payouts, or all that changes the balance beside them. */
export type LedgerSide = 'activity' | 'payouts'

export const ledgerSides: readonly LedgerSide[] = ['activity', 'payouts']

const storedSide = { activity: 'ACTIVITY', payouts: 'PAYOUTS' } as const satisfies Record<LedgerSide, string>

// A ledger that came whole before its sides were kept apart covers both alike.
const readSide = `
  select available_from as "from", available_until as "until" from ledger_side_coverage
  where account_id = $1 and livemode = $2::boolean and side = $3::"LedgerSide"
  union all
  select available_from, available_until from ledger_coverage c
  where account_id = $1 and livemode = $2::boolean and not exists (
    select from ledger_side_coverage s where (s.account_id, s.livemode) = (c.account_id, c.livemode)
  )`

const writeSide = `
  insert into ledger_side_coverage (account_id, livemode, side, available_from, available_until)
  values ($1, $2::boolean, $3::"LedgerSide", $4::timestamptz, $5::timestamptz)
  on conflict (account_id, livemode, side) do update
  set available_from = excluded.available_from, available_until = excluded.available_until`

// The ledger covers what both of its sides cover.
const writeCoverage = `
  insert into ledger_coverage (account_id, livemode, available_from, available_until, updated_at)
  select account_id, livemode, max(available_from), min(available_until), now()
  from ledger_side_coverage
  where account_id = $1 and livemode = $2::boolean
  group by account_id, livemode
  having count(*) = 2 and max(available_from) < min(available_until)
  on conflict (account_id, livemode) do update
  set available_from = excluded.available_from,
      available_until = excluded.available_until,
      updated_at = excluded.updated_at
  where (ledger_coverage.available_from, ledger_coverage.available_until)
    is distinct from (excluded.available_from, excluded.available_until)`

/** The span that the ledger as a whole covers; null when it covers none. */
export async function readCoverage(client: pg.ClientBase, tenant: Tenant): Promise<Span | null> {
  const { rows } = await client.query<Span>(
    `select available_from as "from", available_until as "until" from ledger_coverage
     where account_id = $1 and livemode = $2::boolean`,
    [tenant.accountId, tenant.livemode],
  )
  return rows[0] ?? null
}

/** Checks, and writes nothing. @throws InputError when a gap would lie between the span and what is covered */
export async function checkCoverage(
  client: pg.ClientBase,
  tenant: Tenant,
  span: Span,
  sides: readonly LedgerSide[],
): Promise<void> {
  for (const side of sides) {
    const known = await sideOf(client, tenant, side)
    if (known) joined(side, known, span)
  }
}

/** True when no gap would lie between the span and what is covered. */
export async function meetsCoverage(client: pg.ClientBase, tenant: Tenant, span: Span): Promise<boolean> {
  for (const side of ledgerSides) {
    const known = await sideOf(client, tenant, side)
    if (known && !doMeet(known, span)) return false
  }
  return true
}

/**
 * Says that a ledger is complete in a span, for one side or both; reports may then run over what both sides cover. Call it
 * in the transaction that writes the rows, after `lockLedger`.
 *
 * @throws InputError when a gap would lie between the span and what is covered
 */
export async function extendCoverage(
  client: pg.ClientBase,
  tenant: Tenant,
  span: Span,
  sides: readonly LedgerSide[],
): Promise<void> {
  const known = new Map<LedgerSide, Span>()
  // All are read before one is written: see readSide.
  for (const side of ledgerSides) {
    const covered = await sideOf(client, tenant, side)
    if (covered) known.set(side, covered)
  }
  for (const side of sides) {
    const covered = known.get(side)
    known.set(side, covered ? joined(side, covered, span) : span)
  }
  for (const [side, { from, until }] of known) {
    await client.query(writeSide, [tenant.accountId, tenant.livemode, storedSide[side], from, until])
  }
  await client.query(writeCoverage, [tenant.accountId, tenant.livemode])
}

/** Lets one transaction at a time change a ledger: another one waits here until the first has ended. */
export async function lockLedger(client: pg.ClientBase, tenant: Tenant): Promise<void> {
  const name = `ledger ${tenantKey(tenant)}`
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [name])
}

async function sideOf(client: pg.ClientBase, tenant: Tenant, side: LedgerSide): Promise<Span | null> {
  const { rows } = await client.query<Span>(readSide, [tenant.accountId, tenant.livemode, storedSide[side]])
  return rows[0] ?? null
}

function time(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z')
}

function doMeet(a: Span, b: Span): boolean {
  return a.from <= b.until && b.from <= a.until
}

/** What both spans cover; they have to overlap or touch, since nobody knows what happened in a gap. */
function joined(side: LedgerSide, known: Span, added: Span): Span {
  if (doMeet(known, added)) {
    return {
      from: added.from < known.from ? added.from : known.from,
      until: added.until > known.until ? added.until : known.until,
    }
  }
  const isLater = added.from > known.until
  const way = isLater ? `--from ${time(known.until)}` : `--until ${time(known.from)}`
  throw new InputError(
    `The ${side} of this account is known from ${time(known.from)} until ${time(known.until)}, and what comes now covers ${time(added.from)} until ${time(added.until)}: between them is a gap. Import what lies between them first; if nothing happened then, say so: ${way}.`,
    [isLater ? 'from' : 'until'],
  )
}

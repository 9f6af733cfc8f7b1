import type pg from 'pg'
import type Stripe from 'stripe'
import { ConfigurationError } from '../../errors.ts'
import { type Tenant, tenantKey } from '../../tenant.ts'

/** A Stripe account, the ledger that it is synced into, and the time of the sync. */
export type StripeLedger = {
  stripe: Stripe
  client: pg.ClientBase
  tenant: Tenant
  now: Date
}

/** The progress of syncing a ledger from Stripe: a row of `stripe_syncs`. */
export type SyncState = {
  /** Null when the key has no permission to read the account. */
  stripeAccountId: string | null
  /** The span that is synced. `until` is exclusive. */
  from: Date
  until: Date
  /** Ids of payouts that can still change. */
  unsettledPayouts: readonly string[]
  /** Ids of automatic payouts whose swept rows Stripe has not determined yet. */
  unsweptPayouts: readonly string[]
}

export async function readSyncState(client: pg.ClientBase, tenant: Tenant): Promise<SyncState | null> {
  const { rows } = await client.query<SyncState>(
    `select stripe_account_id as "stripeAccountId", synced_from as "from", synced_until as "until",
       unsettled_payouts as "unsettledPayouts", unswept_payouts as "unsweptPayouts"
     from stripe_syncs where account_id = $1 and livemode = $2`,
    [tenant.accountId, tenant.livemode],
  )
  return rows[0] ?? null
}

export async function writeSyncState(client: pg.ClientBase, tenant: Tenant, state: SyncState): Promise<void> {
  const { stripeAccountId, from, until, unsettledPayouts, unsweptPayouts } = state
  await client.query(
    `insert into stripe_syncs (account_id, livemode, stripe_account_id, synced_from, synced_until,
       unsettled_payouts, unswept_payouts, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, now())
     on conflict (account_id, livemode) do update set
       stripe_account_id = excluded.stripe_account_id, synced_from = excluded.synced_from,
       synced_until = excluded.synced_until, unsettled_payouts = excluded.unsettled_payouts,
       unswept_payouts = excluded.unswept_payouts, updated_at = excluded.updated_at`,
    [tenant.accountId, tenant.livemode, stripeAccountId, from, until, unsettledPayouts, unsweptPayouts],
  )
}

/**
 * Runs `work` while no other sync of this account and mode runs. The claim ends with the database connection, so a killed
 * process does not keep it.
 *
 * @throws ConfigurationError when another sync is running
 */
export async function claimSync<Result>(
  client: pg.ClientBase,
  tenant: Tenant,
  work: () => Promise<Result>,
): Promise<Result> {
  const name = [`stripe sync ${tenantKey(tenant)}`]
  const { rows } = await client.query<{ claimed: boolean }>(
    'select pg_try_advisory_lock(hashtextextended($1, 0)) as claimed',
    name,
  )
  if (!rows[0]?.claimed)
    throw new ConfigurationError(`Another sync of ${tenant.accountId} is running. Wait until it ends.`)
  try {
    return await work()
  } finally {
    // A lost connection also ends the claim.
    await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', name).catch(() => {})
  }
}

import type pg from 'pg'
import { ConfigurationError } from '../../errors.ts'
import { type Tenant, tenantKey } from '../../tenant.ts'

/**
 * Does the work while no other sync of this account and mode runs. When the process is killed, its connection ends, and
 * with it the claim.
 *
 * @throws ConfigurationError when another one runs
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
    throw new ConfigurationError(`Another sync of ${tenant.accountId} is running. Wait for its end.`)
  try {
    return await work()
  } finally {
    // When the connection is lost, so is the claim.
    await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', name).catch(() => {})
  }
}

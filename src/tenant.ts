/** Whose data it is: an account, in test mode or in live mode. Nothing of one tenant is ever shown to another. */
export type Tenant = {
  readonly accountId: string
  readonly livemode: boolean
}

/** Who asks. Account and mode come from the API key alone and are part of every query. */
export type Viewer = Tenant & { readonly apiKeyId: string }

/** The tenant of anything that belongs to one, without the rest of it. */
export function tenantOf({ accountId, livemode }: Tenant): Tenant {
  return { accountId, livemode }
}

/** As users write the mode: in keys, file paths and cursors. */
export function modeOf({ livemode }: Pick<Tenant, 'livemode'>): 'live' | 'test' {
  return livemode ? 'live' : 'test'
}

/** One string for each tenant, for maps and for names in Postgres. */
export function tenantKey(tenant: Tenant): string {
  return `${tenant.accountId}:${modeOf(tenant)}`
}

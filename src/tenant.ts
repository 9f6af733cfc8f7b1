/** The owner of data: an account, in test mode or live mode. A tenant never sees data of another tenant. */
export type Tenant = {
  readonly accountId: string
  readonly livemode: boolean
}

/** The authenticated caller. Account and mode come only from the API key and are part of every query. */
export type Viewer = Tenant & { readonly apiKeyId: string }

/** The cause of a change: a viewer, or with `apiKeyId` null an operator of the gateway. */
export type Actor = Tenant & { readonly apiKeyId: string | null }

/** Returns only the tenant fields of an object. */
export function tenantOf({ accountId, livemode }: Tenant): Tenant {
  return { accountId, livemode }
}

/** Returns the mode as it appears in keys, file paths and cursors. */
export function modeOf({ livemode }: Pick<Tenant, 'livemode'>): 'live' | 'test' {
  return livemode ? 'live' : 'test'
}

/** Returns a string that identifies a tenant, for maps and for lock names in Postgres. */
export function tenantKey(tenant: Tenant): string {
  return `${tenant.accountId}:${modeOf(tenant)}`
}

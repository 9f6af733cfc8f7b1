import type { Tenant } from '../tenant.ts'

/** Who asks. Account and mode come from the API key alone and are part of every query. */
export type Viewer = Tenant & { readonly apiKeyId: string }

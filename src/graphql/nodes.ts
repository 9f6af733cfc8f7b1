import { typeBrandKey } from '@pothos/core'
import { isVisibleTo } from '../runs/list/find-run.ts'
import type { Tenant } from '../tenant.ts'
import { type Context, requireViewer } from './context.ts'

/** The id of an object, and the GraphQL type that its prefix names. */
type NodeId = { typename: string; id: string }

/**
 * Loads the object with a global id; null when it does not exist or is not visible to the viewer. Concurrent loads are one
 * query, however many lists of ids a document has.
 */
export async function loadNode(context: Context, { typename, id }: NodeId): Promise<object | null> {
  const node = await loadAny(context, typename, id)
  // Names the type of the object, as Pothos itself does.
  if (node) Object.defineProperty(node, typeBrandKey, { enumerable: false, value: typename })
  return node
}

async function loadAny(context: Context, typename: string, id: string): Promise<object | null> {
  const { runLoader, loaders, catalog } = context
  const viewer = requireViewer(context)
  switch (typename) {
    case 'ReportRun': {
      const run = await runLoader.load(id)
      return isVisibleTo(run, viewer) ? run : null
    }
    case 'ReportSchedule':
      return ownedBy(viewer, await loaders.schedule(id))
    case 'ReportFile':
      return ownedBy(viewer, await loaders.file(id))
    case 'ApiKey':
      return ownedBy(viewer, await loaders.apiKey(id))
    default:
      return catalog.find(id)
  }
}

function ownedBy<Row extends Tenant>({ accountId, livemode }: Tenant, row: Row | null): Row | null {
  return row?.accountId === accountId && row.livemode === livemode ? row : null
}

import { type Viewer, visibleTo } from '../auth/viewer.ts'

/** The part of a `where` that binds it to runs that the viewer may see: its own, and not those that were erased. */
export const visibleRun = (viewer: Viewer): { accountId: string; livemode: boolean; erasedAt: null } => ({
  ...visibleTo(viewer),
  erasedAt: null,
})

import type { ReportRun } from '../../postgres/generated/prisma/client.ts'

// Entries of runs that have ended are useless but harmless.
const maxRuns = 20_000

export type RunVersions = ReturnType<typeof createRunVersions>

/** The newest version of each run that a follower of a log has received, so that none receives an older one afterwards. */
export function createRunVersions() {
  /** By run ID, the one that was written longest ago first. */
  const versions = new Map<string, number>()
  return {
    clear: (): void => versions.clear(),
    /** Notes the version of a run that is about to be sent; false when it is older than one that was sent before. */
    note: ({ id, version }: Pick<ReportRun, 'id' | 'version'>): boolean => {
      if (version < (versions.get(id) ?? 0)) return false
      versions.delete(id)
      versions.set(id, version)
      const [oldest] = versions.keys()
      if (oldest !== undefined && versions.size > maxRuns) versions.delete(oldest)
      return true
    },
  }
}

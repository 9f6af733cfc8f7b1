import type { Viewer } from '../../auth/viewer.ts'
import { idPrefixes, isId } from '../../ids.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { visibleRun } from './visible-run.ts'

/** The run with that id; null when it does not exist or the viewer may not see it, also when it is no id at all. */
export async function findRun(prisma: Prisma, viewer: Viewer, id: string): Promise<ReportRun | null> {
  return isId(id, idPrefixes.reportRun)
    ? prisma.reportRun.findUnique({ where: { id, ...visibleRun(viewer) } })
    : null
}

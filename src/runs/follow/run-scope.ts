import type { Viewer } from '../../auth/viewer.ts'
import { InputError } from '../../errors.ts'
import { idPrefixes, isId } from '../../ids.ts'
import type { Prisma as PrismaTypes, ReportRun } from '../../postgres/generated/prisma/client.ts'
import { checkFilter, matchesFilter, matching, type RunFilter } from '../list/filter.ts'

/** The runs whose events a reader of the log receives. */
export type RunScope = { kind: 'run'; id: string } | { kind: 'filter'; filter: RunFilter } | { kind: 'all' }

/** @throws InputError for a scope that no run can be in */
export function checkScope(scope: RunScope): void {
  if (scope.kind === 'filter') checkFilter(scope.filter, 'scope')
  if (scope.kind === 'run' && !isId(scope.id, idPrefixes.reportRun)) {
    throw new InputError(`${JSON.stringify(scope.id)} is no id of a report run.`, ['scope', 'id'])
  }
}

/** True when the scope takes in the run as it is now. */
export function inScope(scope: RunScope, run: ReportRun): boolean {
  switch (scope.kind) {
    case 'run':
      return run.id === scope.id
    case 'filter':
      return matchesFilter(run, scope.filter)
    case 'all':
      return true
  }
}

/** The runs of the scope of which snapshots come before events: those that are live, or the one that was named. */
export function opening(viewer: Viewer, scope: RunScope): PrismaTypes.ReportRunWhereInput {
  if (scope.kind === 'run') return { AND: [matching(viewer, {}), { id: scope.id }] }
  const filter = scope.kind === 'filter' ? scope.filter : {}
  return { AND: [matching(viewer, filter), { status: { in: ['PENDING', 'RUNNING', 'CANCELING'] } }] }
}

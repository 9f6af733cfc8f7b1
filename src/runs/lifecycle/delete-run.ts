import { WrongStatusError } from '../../errors.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { runFolder } from '../../storage/file.ts'
import type { Viewer } from '../../tenant.ts'
import type { Services } from '../services.ts'
import { type ChangeServices, changeRun, isFinal, transition } from './transition.ts'

export type DeleteServices = ChangeServices & Pick<Services, 'storage'>

/**
 * Deletes a run that has ended. Its files come first, so that the call can be repeated after a failure. Only a row for audit
 * remains, which no viewer can see.
 *
 * @throws NotFoundError when the viewer has no such run; of two concurrent calls, only one succeeds
 * @throws WrongStatusError when the run has not ended yet
 */
export async function deleteRun(deps: DeleteServices, viewer: Viewer, id: string): Promise<void> {
  await changeRun(deps, viewer, id, async (run) => {
    if (!isFinal(run.status)) {
      throw new WrongStatusError(
        `The report run ${id} is ${run.status}; only a run that has ended can be deleted. Wait for its end, or cancel it first.`,
        id,
      )
    }
    await deps.storage.remove(runFolder(run))
    const at = deps.now()
    return {
      where: { deletedAt: null },
      kind: 'DELETED',
      data: { deletedAt: at, filesDeletedAt: at },
      also: async (tx) => {
        await tx.reportFile.deleteMany({ where: { runId: id } })
        await tx.idempotencyKey.deleteMany({ where: { runId: id } })
      },
    }
  })
}

const batchSize = 100

/**
 * Deletes the files of runs whose retention has expired. The runs themselves stay. A failure for one run does not block the
 * others.
 *
 * @throws AggregateError at the end, when the files of some runs could not be deleted; the next call tries them again
 */
export async function deleteExpiredFiles(deps: DeleteServices, signal: AbortSignal): Promise<void> {
  const faults = new Map<string, unknown>()
  let expired: ReportRun[]
  do {
    expired = await deps.prisma.reportRun.findMany({
      where: { filesDeletedAt: null, expiresAt: { lte: deps.now() }, id: { notIn: [...faults.keys()] } },
      orderBy: { expiresAt: 'asc' },
      take: batchSize,
    })
    for (const run of expired) {
      signal.throwIfAborted()
      await deleteFiles(deps, run).catch((error: unknown) => faults.set(run.id, error))
    }
  } while (expired.length === batchSize && faults.size < batchSize)
  if (faults.size > 0) {
    const named = [...faults.keys()].join(', ')
    throw new AggregateError(faults.values(), `The files of some runs could not be deleted: ${named}.`)
  }
}

async function deleteFiles(deps: DeleteServices, run: ReportRun): Promise<void> {
  await deps.storage.remove(runFolder(run))
  await transition(deps, {
    runId: run.id,
    from: run.status,
    to: run.status,
    where: { filesDeletedAt: null },
    kind: 'UPDATED',
    data: { filesDeletedAt: deps.now() },
  })
}

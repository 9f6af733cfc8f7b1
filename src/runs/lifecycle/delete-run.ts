import { WrongStatusError } from '../../errors.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { runFolder } from '../../storage/file.ts'
import type { Viewer } from '../../tenant.ts'
import type { Services } from '../services.ts'
import { type ChangeServices, changeRun, isFinal, transition } from './transition.ts'

export type DeleteServices = ChangeServices & Pick<Services, 'storage'>

/**
 * Deletes a run that has ended: first its files, so that a failure leaves a run that can be deleted again, then all trace of
 * it but a row for audit that no viewer sees.
 *
 * @throws NotFoundError when the viewer has no such run; of two calls at once, one deletes it
 * @throws WrongStatusError when it has not ended yet
 */
export async function deleteRun(deps: DeleteServices, viewer: Viewer, id: string): Promise<void> {
  await changeRun(deps, viewer, id, async (run) => {
    if (!isFinal(run.status)) {
      throw new WrongStatusError(
        `The report run ${id} is ${run.status}; it can be deleted when it has ended. Cancel it first.`,
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
 * Deletes the files of runs whose retention is over. The runs stay, with what they were and how they ended. Those that
 * cannot be deleted do not keep the others.
 *
 * @throws AggregateError in the end, when some could not be deleted; they are tried again next time
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

import { WrongStatusError } from '../../errors.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { runFolder } from '../../storage/file.ts'
import type { Viewer } from '../../tenant.ts'
import type { Services } from '../services.ts'
import { type ChangeServices, changeRun, isFinal, transition } from './transition.ts'

export type EraseServices = ChangeServices & Pick<Services, 'storage'>

/**
 * Erases a run that has ended: first its files, so that a failure leaves a run that can be erased again, then all trace of
 * it but a row for audit that no viewer sees.
 *
 * @throws NotFoundError when the viewer has no such run; of two calls at once, one erases it
 * @throws WrongStatusError when it has not ended yet
 */
export async function eraseRun(deps: EraseServices, viewer: Viewer, id: string): Promise<void> {
  await changeRun(deps, viewer, id, async (run) => {
    if (!isFinal(run.status)) {
      throw new WrongStatusError(
        `The report run ${id} is ${run.status}; it can be erased when it has ended. Cancel it first.`,
        id,
      )
    }
    await deps.storage.remove(runFolder(run))
    const at = deps.now()
    return {
      where: { erasedAt: null },
      kind: 'ERASED',
      data: { erasedAt: at, filesErasedAt: at },
      also: async (tx) => {
        await tx.reportFile.deleteMany({ where: { runId: id } })
        await tx.idempotencyKey.deleteMany({ where: { runId: id } })
      },
    }
  })
}

const batchSize = 100

/**
 * Erases the files of runs whose retention is over. The runs stay, with what they were and how they ended. Those that
 * cannot be erased do not keep the others.
 *
 * @throws AggregateError in the end, when some could not be erased; they are tried again next time
 */
export async function eraseExpiredFiles(deps: EraseServices, signal: AbortSignal): Promise<void> {
  const faults = new Map<string, unknown>()
  let expired: ReportRun[]
  do {
    expired = await deps.prisma.reportRun.findMany({
      where: { filesErasedAt: null, expiresAt: { lte: deps.now() }, id: { notIn: [...faults.keys()] } },
      orderBy: { expiresAt: 'asc' },
      take: batchSize,
    })
    for (const run of expired) {
      signal.throwIfAborted()
      await eraseFiles(deps, run).catch((error: unknown) => faults.set(run.id, error))
    }
  } while (expired.length === batchSize && faults.size < batchSize)
  if (faults.size > 0) {
    const named = [...faults.keys()].join(', ')
    throw new AggregateError(faults.values(), `The files of some runs could not be erased: ${named}.`)
  }
}

async function eraseFiles(deps: EraseServices, run: ReportRun): Promise<void> {
  await deps.storage.remove(runFolder(run))
  await transition(deps, {
    runId: run.id,
    from: run.status,
    to: run.status,
    where: { filesErasedAt: null },
    kind: 'UPDATED',
    data: { filesErasedAt: deps.now() },
  })
}

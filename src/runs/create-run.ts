import type { Viewer } from '../auth/viewer.ts'
import type { ReportRun } from '../database/generated/prisma/client.ts'
import { InputError, InputErrors, LiveModeRequiredError } from '../errors.ts'
import { idPrefixes, newId } from '../ids.ts'
import type { Catalog } from '../reports/catalog.ts'
import { checkParameters } from '../reports/check-parameters.ts'
import { shown } from '../reports/parameters.ts'
import type { AnyReportType } from '../reports/report-type.ts'
import type { RunDependencies } from './dependencies.ts'
import { checkNotes, type RunRequest } from './request.ts'
import { recordChange } from './transition.ts'

const findType = (catalog: Catalog, name: string, { livemode }: Viewer): AnyReportType => {
  const type = catalog.find(name)
  if (!type) {
    const names = catalog.types.map((known) => known.name)
    throw new InputError(`There is no report type ${shown(name)}.`, ['type'], names)
  }
  if (type.requiresLiveMode && !livemode) {
    throw new LiveModeRequiredError(`${name} runs on live data only. Use a live-mode API key.`, ['type'])
  }
  return type
}

/** Puts the name of the part before the paths of its errors. */
const within = async <Result>(part: string, check: () => Promise<Result>): Promise<Result> => {
  try {
    return await check()
  } catch (error) {
    if (!(error instanceof InputErrors)) throw error
    throw new InputErrors(error.errors.map((e) => new InputError(e.message, [part, ...e.path], e.allowed)))
  }
}

/**
 * Creates a run and its job in one transaction; both are there when it returns, or neither is.
 *
 * @throws InputError, InputErrors with paths that start with `type`, `parameters`, `label`, `tags`, `metadata` or `formats`
 * @throws LiveModeRequiredError when the type runs on live data only and the key is a test key
 */
export const createRun = async (
  { prisma, queue, wakeUp, catalog, now }: RunDependencies,
  viewer: Viewer,
  request: RunRequest,
): Promise<ReportRun> => {
  const type = findType(catalog, request.type, viewer)
  const notes = checkNotes(request)
  const parameters = await within('parameters', async () =>
    checkParameters(type, request.parameters, await type.availability(prisma, viewer)),
  )
  const createdAt = now()
  const run = await prisma.$transaction(async (tx) => {
    const created = await tx.reportRun.create({
      data: {
        id: newId(idPrefixes.reportRun, createdAt),
        accountId: viewer.accountId,
        livemode: viewer.livemode,
        reportType: type.name,
        parameters,
        formats: [...request.formats],
        compression: request.compression,
        ...notes,
        status: 'PENDING',
        requestedById: viewer.apiKeyId,
        createdAt,
      },
    })
    await queue.enqueue(tx, created.id)
    await recordChange(tx, created, { from: null, actorId: viewer.apiKeyId, at: createdAt })
    return created
  })
  wakeUp.notify(viewer)
  return run
}

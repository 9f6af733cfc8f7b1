import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { newTraceId } from '../../request-context.ts'
import type { Services } from '../services.ts'
import { type ChangeServices, transition } from './transition.ts'

const pageSize = 100

/** True when the run has passed its deadline: to start while PENDING, to end while RUNNING. */
export function isLate({ status, deadlineAt }: ReportRun, now: Date): boolean {
  return (status === 'PENDING' || status === 'RUNNING') && deadlineAt !== null && deadlineAt <= now
}

/** Fails a run that has passed its deadline; null when its status changed in the meantime. */
export function endLate(deps: ChangeServices, run: ReportRun): Promise<ReportRun | null> {
  const at = deps.now()
  return transition(deps, {
    runId: run.id,
    from: run.status,
    to: 'FAILED',
    execution: run.execution,
    data: {
      ...failureOf(run),
      failureIsRetryable: true,
      failurePath: [],
      traceId: run.traceId ?? newTraceId(),
      finishedAt: at,
      runMilliseconds: run.startedAt && BigInt(Math.max(0, at.getTime() - run.startedAt.getTime())),
      estimatedFinishAt: null,
    },
  })
}

/** Fails all runs that have not started, or not ended, in time. The worker of such a run detects that the run has ended. */
export async function endLateRuns(
  deps: ChangeServices & Pick<Services, 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  let late: ReportRun[]
  do {
    late = await deps.prisma.reportRun.findMany({
      where: { deadlineAt: { lte: deps.now() }, status: { in: ['PENDING', 'RUNNING'] } },
      orderBy: { deadlineAt: 'asc' },
      take: pageSize,
    })
    for (const run of late) {
      signal.throwIfAborted()
      const ended = await endLate(deps, run)
      const { id: runId, accountId, traceId } = ended ?? run
      if (ended)
        deps.logger.info({ runId, accountId, traceId }, ended.failureMessage ?? 'A run passed its deadline.')
    }
  } while (late.length === pageSize)
}

function failureOf(run: ReportRun) {
  const deadline = run.deadlineAt?.toISOString()
  const reason = run.dataNeededUntil
    ? `the data up to ${run.dataNeededUntil.toISOString()} was not available by then`
    : 'no worker was free by then'
  return run.status === 'PENDING'
    ? {
        failureCode: 'NOT_STARTED_IN_TIME',
        failureMessage: `The run was created at ${run.createdAt.toISOString()} and had to start by ${deadline}; ${reason}. Try again, or increase startWithin.`,
      }
    : {
        failureCode: 'TIMED_OUT',
        failureMessage: `The run exceeded its timeout of ${run.timeoutMilliseconds} ms and was stopped at ${deadline}. Try again, or increase timeout.`,
      }
}

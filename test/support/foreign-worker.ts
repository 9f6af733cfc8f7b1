import { idPrefixes, newId } from '../../src/ids.ts'
import { noMetrics } from '../../src/metrics.ts'
import type { ReportRun } from '../../src/postgres/generated/prisma/client.ts'
import { transition } from '../../src/runs/lifecycle/transition.ts'
import type { TestGateway } from './gateway.ts'

/** Changes the status of a run as a worker in another process does; a run that succeeds has a file. */
export function changeRun(
  gateway: TestGateway,
  run: ReportRun,
  from: ReportRun['status'],
  to: ReportRun['status'],
): Promise<ReportRun | null> {
  const now = (): Date => new Date()
  const { prisma, database } = gateway
  const notify = (): void =>
    void database.query("select pg_notify('report_gateway_events', $1)", [`${run.accountId}:test`])
  const wakeUp = {
    notify,
    announceJob: () => {},
    onWake: () => {},
    onKeyChange: () => {},
    isConnected: () => true,
    stop: async () => {},
  }
  const file = {
    id: newId(idPrefixes.file, now()),
    accountId: run.accountId,
    livemode: false,
    runId: run.id,
    filename: 'report.csv',
    format: 'CSV',
    compression: 'NONE',
    rowCount: 1n,
    byteSize: 1n,
    sha256: '0'.repeat(64),
    createdAt: now(),
  } as const
  return transition(
    { prisma, wakeUp, now, metrics: noMetrics },
    {
      runId: run.id,
      from,
      to,
      actorId: run.requestedById,
      data: { rowsWritten: 1n, rowCount: 1n },
      ...(to === 'SUCCEEDED' && { also: (tx) => tx.reportFile.create({ data: file }) }),
    },
  )
}

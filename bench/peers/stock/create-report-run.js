import { createHash, randomBytes } from 'node:crypto'
import { fromPrisma } from 'pg-boss'
import { prisma } from './database.js'

const queueName = 'report-run'

/** Creates a run once for each key, with its count of the day, event and job, in an interactive transaction. */
export function createReportRun({ report, idempotencyKey: key }, { key: apiKey, boss }) {
  const { start, end } = report.balanceSummary1.interval.between
  const { accountId, livemode, id: requestedById } = apiKey
  const tenant = { accountId, livemode }
  const fingerprint = createHash('sha256').update(JSON.stringify(report)).digest()
  return prisma.$transaction(async (tx) => {
    const known = await tx.idempotencyKey.findUnique({
      where: { accountId_livemode_key: { ...tenant, key } },
    })
    if (known) return tx.reportRun.findUniqueOrThrow({ where: { id: known.runId } })
    const createdAt = new Date()
    const id = newId(createdAt)
    await tx.idempotencyKey.create({ data: { ...tenant, key, fingerprint, runId: id, createdAt } })
    const day = new Date(createdAt.toISOString().slice(0, 10))
    await tx.dailyRunCount.upsert({
      where: { accountId_livemode_day: { ...tenant, day } },
      create: { ...tenant, day, runs: 1 },
      update: { runs: { increment: 1 } },
    })
    const run = await tx.reportRun.create({
      data: {
        ...tenant,
        id,
        reportType: 'balance.summary.1',
        parameters: { interval_start: start, interval_end: end, timezone: 'Etc/UTC' },
        formats: ['CSV'],
        compression: 'NONE',
        metadata: {},
        status: 'PENDING',
        requestedById,
        createdAt,
      },
    })
    const { position } = await tx.eventLogHead.upsert({
      where: { accountId_livemode: tenant },
      create: { ...tenant, position: 1n },
      update: { position: { increment: 1n } },
    })
    const event = {
      runId: id,
      runVersion: 1,
      kind: 'STATUS_CHANGED',
      toStatus: 'PENDING',
      occurredAt: createdAt,
    }
    await tx.reportRunEvent.create({ data: { ...tenant, position, ...event } })
    await boss.send(queueName, { runId: id }, { group: { id: accountId }, db: fromPrisma(tx) })
    return run
  })
}

/** An id in our form, which sorts by time. */
function newId(at) {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
  let time = ''
  for (let rest = at.getTime(), digit = 0; digit < 10; digit++, rest = Math.floor(rest / 32))
    time = alphabet[rest % 32] + time
  return `frr_${time}${randomBytes(8).toString('hex').slice(0, 15)}`
}

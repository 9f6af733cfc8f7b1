import type pg from 'pg'
import { InputError } from '../../errors.ts'
import { inTransaction } from '../../postgres/client.ts'
import type { Tenant } from '../../tenant.ts'
import { checkCoverage, earlier, extendCoverage, lockLedger } from '../coverage.ts'
import { mergeLedger } from '../merge.ts'
import type { LedgerBatch } from '../rows.ts'
import { coveredSpan, type FileCoverage, type PartialSpan } from './coverage.ts'
import { BadExport } from './import-errors.ts'
import { type OpenExport, openExport } from './open-export.ts'
import { createRejectedLines, type RejectedLines } from './rejected-lines.ts'

export type ImportOptions = {
  /** IANA name of the timezone that the export's local times, and its days, are in. */
  timezone: string
  /** What the file covers, where its rows do not say it. */
  declared: PartialSpan
  /**
   * Other files cover the declared span, too, so that this one alone does not complete it: the ledger's coverage is left
   * to `coverTogether`.
   */
  isPart: boolean
  /** Load what can be read, and write the other lines to a file beside it. */
  skipBad: boolean
  /** No later time can be covered. */
  now: Date
  /** Called with a percentage of the file's bytes. */
  onProgress: (progress: { rows: number; percent: number }) => void
  signal: AbortSignal
}

export type ImportResult = FileCoverage & {
  /** What kind of export it was. */
  title: string
  rows: number
  /** Columns whose times do not say where they are, and were read in the timezone. */
  localTimes: readonly string[]
  /** A sentence for each of the first lines that were rejected, and one for how many more there are. */
  rejected: readonly string[]
}

/**
 * Merges a file that Stripe has exported into a ledger, whole or not at all, in one transaction of its own. A process
 * that is killed leaves nothing, and importing a file again changes nothing.
 *
 * - The file's rows complete what is known; see `mergeLedger`.
 * - The ledger's coverage is extended by what the file covers completely, see `coveredSpan`, in the same transaction,
 *   unless the file is but a part of that.
 * - Memory does not grow with the file.
 *
 * @throws InputError when the file cannot be read, or has bad lines and `skipBad` is not set; the message names each; and
 * when a gap would lie between the file and what is covered
 */
export async function importFile(
  client: pg.ClientBase,
  tenant: Tenant,
  path: string,
  options: ImportOptions,
): Promise<ImportResult> {
  try {
    const source = await openExport(path, options.timezone)
    await using rejected = createRejectedLines(path, source.header, options.skipBad)
    const result = await inTransaction(client, () =>
      mergeExport(client, tenant, source, rejected, path, options),
    )
    return { ...result, rejectedPath: await rejected.keep() }
  } catch (error) {
    if (!(error instanceof BadExport)) throw error
    throw new InputError(`${path} cannot be imported: ${error.message}.`, ['file'])
  }
}

/** The rows of an export as they come; those that cannot be read go elsewhere. */
async function* readRows(
  source: OpenExport,
  rejected: RejectedLines,
  { skipBad, signal }: ImportOptions,
): AsyncGenerator<LedgerBatch> {
  for await (const { batch, badLines } of source.parts) {
    signal.throwIfAborted()
    for (const line of badLines) await rejected.add(line)
    // When nothing will be loaded, the rest is read for what else is wrong.
    if (skipBad || rejected.count() === 0) yield batch
  }
}

/** Which sides of the ledger the file completes, and in what span. Rejected lines leave holes. */
function completed(
  source: OpenExport,
  isWhole: boolean,
  { declared, timezone, now }: ImportOptions,
): Pick<ImportResult, 'span' | 'sides'> {
  const isDeclared = declared.from !== null && declared.until !== null
  const writtenAt = earlier(source.writtenAt, now)
  const span = coveredSpan(source.rowSpan(), declared, { timezone, writtenAt })
  if (!span || !isWhole) return { span, sides: [] }
  const sides = source.sides()
  // That what may be a reconciliation is all the activity there was, somebody has to know.
  return { span, sides: sides.length === 0 && isDeclared ? ['activity'] : sides }
}

/** Merges one export in the transaction that the caller has open. */
async function mergeExport(
  client: pg.ClientBase,
  tenant: Tenant,
  source: OpenExport,
  rejected: RejectedLines,
  path: string,
  options: ImportOptions,
): Promise<Omit<ImportResult, 'rejectedPath'>> {
  await lockLedger(client, tenant)
  const { balanceTransactions: rows } = await mergeLedger(
    client,
    tenant,
    readRows(source, rejected, options),
    {
      assumed: source.kind.assumed,
      onProgress: (merged) => options.onProgress({ rows: merged, percent: source.percentRead() }),
    },
  )
  if (rejected.count() > 0 && !options.skipBad) {
    const advice = `Nothing of ${path} was imported. Mend these lines, or give --skip-bad to import the others.`
    throw new InputError([...rejected.sentences(), advice].join('\n'), ['file'])
  }
  await settlePayouts(client, tenant)
  const { span, sides } = completed(source, rejected.count() === 0, options)
  if (span && sides.length > 0) {
    await (options.isPart ? checkCoverage : extendCoverage)(client, tenant, span, sides)
  }
  // Rejected lines must be on the disk when the commit is reported.
  await rejected.finish()
  const { kind, localTimes } = source
  return { title: kind.title, rows, localTimes, rejected: rejected.sentences(), span, sides }
}

// Looked up for each payout, not joined: in the transaction that has loaded them, the planner takes both tables for small.
const timesOfPayout = `
  (select coalesce(po.effective_at, bt.effective_at), coalesce(po.created, bt.created)
   from payouts po
   where (po.account_id, po.livemode, po.id) = (bt.account_id, bt.livemode, bt.payout_id))`

/**
 * Gives payouts the times at which they were made and left the balance, where their row had to assume one: some
 * exports give them with the payout itself, others only with what was swept into it.
 */
async function settlePayouts(client: pg.ClientBase, tenant: Tenant): Promise<void> {
  await client.query(
    `update balance_transactions bt
     set (effective_at, created) = ${timesOfPayout}
     where bt.account_id = $1 and bt.livemode = $2::boolean
       and bt.reporting_category = 'payout'
       and (bt.effective_at, bt.created) <> ${timesOfPayout}`,
    [tenant.accountId, tenant.livemode],
  )
}

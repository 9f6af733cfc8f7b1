import type pg from 'pg'
import { InputError } from '../../errors.ts'
import { inTransaction } from '../../postgres/client.ts'
import type { Tenant } from '../../tenant.ts'
import { checkCoverage, earlier, extendCoverage, lockLedger } from '../coverage.ts'
import { mergeLedger } from '../merge.ts'
import type { LedgerBatch } from '../rows.ts'
import { ContradictionError, neverChanges } from '../transaction-facts.ts'
import { checkDeclaration, coveredSpan, type FileCoverage, type PartialSpan } from './coverage.ts'
import { findLines } from './find-lines.ts'
import { BadExport } from './import-errors.ts'
import { type OpenExport, openExport } from './open-export.ts'
import { createRejectedLines, type RejectedLines } from './rejected-lines.ts'

export type ImportOptions = {
  /** IANA name of the timezone of the export's local times and days. */
  timezone: string
  /** The span that the file covers, where the user declares it. */
  declared: PartialSpan
  /**
   * True when the file covers the declared span only together with other files. `coverTogether` then extends the ledger's
   * coverage.
   */
  isPart: boolean
  /** The user states that the amounts are in major units; otherwise a decimal in the file must show it. */
  areMajorUnits: boolean
  /** Import the valid lines, and write the others to a file next to the export. */
  skipBad: boolean
  /** The coverage cannot extend beyond this time. */
  now: Date
  /** `percent` is the part of the file's bytes that was read. */
  onProgress: (progress: { rows: number; percent: number }) => void
  signal: AbortSignal
}

export type ImportResult = FileCoverage & {
  /** The name of the export, for example "balance history". */
  title: string
  rows: number
  /** Columns with local times, which were read in the timezone. */
  localTimes: readonly string[]
  /** A message for each of the first rejected lines, and one with the number of others. */
  rejected: readonly string[]
}

/**
 * Imports a Stripe export into a ledger in one transaction. Importing a file again changes nothing.
 *
 * - Merges the rows of the file; see `mergeLedger`.
 * - Extends the ledger's coverage by the span of the file in the same transaction, unless `isPart`; see `coveredSpan`.
 * - Memory does not grow with the file.
 *
 * @throws InputError when the file cannot be read; when it has invalid lines and `skipBad` is not set, with a message
 * for each of the first; when a row contradicts what is known of its balance transaction; and when a gap would remain
 * between the file and the coverage
 */
export async function importFile(
  client: pg.ClientBase,
  tenant: Tenant,
  path: string,
  options: ImportOptions,
): Promise<ImportResult> {
  try {
    await using source = await openExport(path, options.timezone, tenant.livemode)
    await using rejected = createRejectedLines(path, source.header, options.skipBad)
    const result = await inTransaction(client, () =>
      mergeExport(client, tenant, source, rejected, path, options),
    )
    return { ...result, rejectedPath: await rejected.keep() }
  } catch (error) {
    if (error instanceof ContradictionError) throw await placed(error, path)
    if (!(error instanceof BadExport)) throw error
    throw new InputError(`${path} cannot be imported: ${error.message}.`, ['file'])
  }
}

/** Names the lines of a balance transaction that contradicts what is known of it. */
async function placed(
  { transactionId, contradiction }: ContradictionError,
  path: string,
): Promise<InputError> {
  const lines = (await findLines(path, transactionId)).map((line) => `${path}:${line}`)
  // The row can be one of an earlier file.
  const places = lines.join(' and ') || path
  return new InputError(
    `${places}: the balance transaction ${transactionId} ${contradiction}. ${neverChanges} Nothing of ${path} was imported.`,
    ['file'],
  )
}

/** Yields the rows of an export, and adds its invalid lines to `rejected`. */
async function* readRows(
  source: OpenExport,
  rejected: RejectedLines,
  { skipBad, signal }: ImportOptions,
): AsyncGenerator<LedgerBatch> {
  for await (const { batch, badLines } of source.parts) {
    signal.throwIfAborted()
    for (const line of badLines) await rejected.add(line)
    // After a rejected line, the rest is read only to find more invalid lines.
    if (skipBad || rejected.count() === 0) yield batch
  }
}

/** Returns the span of the file and the sides that it completes: none with rejected lines, because they leave holes. */
function completed(
  source: OpenExport,
  hasRejected: boolean,
  { declared, timezone, now }: ImportOptions,
): Pick<ImportResult, 'span' | 'sides'> {
  const isDeclared = declared.from !== null && declared.until !== null
  const writtenAt = earlier(source.writtenAt, now)
  const span = coveredSpan(source.rowSpan(), declared, { timezone, writtenAt })
  // An export that can be a part of one completes the ledger only when the user declares its span.
  const isComplete = !hasRejected && (source.isWhole() || isDeclared)
  return { span, sides: span && isComplete ? source.kind.sides : [] }
}

/** Merges an export in the caller's open transaction. */
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
    const advice = `Nothing of ${path} was imported. Correct these lines, or pass --skip-bad to import the others.`
    throw new InputError([...rejected.messages(), advice].join('\n'), ['file'])
  }
  if (!options.areMajorUnits) source.checkUnits()
  const { span, sides } = completed(source, rejected.count() > 0, options)
  if (span && sides.length > 0) {
    if (options.isPart) await checkCoverage(client, tenant, span, sides)
    else await extendCoverage(client, tenant, span, sides, source.payoutsKnown)
  }
  checkDeclaration(source.rowSpan(), options.declared)
  // Rejected lines must be on disk before the transaction commits.
  await rejected.finish()
  const { kind, localTimes, payoutsKnown } = source
  return { title: kind.title, rows, localTimes, payoutsKnown, rejected: rejected.messages(), span, sides }
}

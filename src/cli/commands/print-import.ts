import type { ImportResult } from '../../ledger/import/import-file.ts'
import { count } from '../client/progress-display.ts'
import { spanText } from './print-coverage.ts'

/**
 * What a file's import did, in sentences.
 *
 * @param timezone in which times that do not say it were read
 * @param isPart whether only all files together complete what is declared
 */
export function tellImport(
  path: string,
  { title, rows, localTimes, rejected, rejectedPath, span, sides }: ImportResult,
  { seconds, timezone, isPart }: { seconds: number; timezone: string; isPart: boolean },
): string[] {
  const rate = count(Math.round(rows / Math.max(seconds, 0.001)))
  const done = [
    `${path}: ${count(rows)} rows of an export of the ${title} in ${seconds.toFixed(1)} s (${rate} rows/s).`,
    ...(localTimes.length > 0
      ? [`Times in ${localTimes.join(', ')} were read in ${timezone} (--timezone).`]
      : []),
  ]
  if (rejectedPath !== null) {
    const others = isPart ? ', together with the other files' : ''
    const declare = span ? `, with --from ${span.from.toISOString()} --until ${span.until.toISOString()}` : ''
    return [
      ...done,
      ...rejected,
      `The lines that were rejected are in ${rejectedPath}: mend and import it${others}${declare}. Until then this import completes nothing.`,
    ]
  }
  if (!span) return [...done, 'It covers no whole day. Say what it covers, if it does: --from … --until ….']
  if (sides.length === 0) {
    return [
      ...done,
      'It may be a reconciliation of payouts or of the ending balance, which tell a part, so it does not show that the ledger is complete. If it is all the activity there was, say of which time: --from … --until ….',
    ]
  }
  const what = `${sides.join(' and ')} from ${spanText(span)}`
  return [
    ...done,
    isPart ? `It is a part of ${what}, which is covered once all files are in.` : `It covers ${what}.`,
  ]
}

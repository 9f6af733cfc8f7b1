import { InputError, InputErrors } from '../../errors.ts'
import type { AcceptedParameters, Availability } from '../../reports/report-type.ts'

const longestDays = 366
const longestMilliseconds = longestDays * 24 * 60 * 60 * 1000

/**
 * Until when there has to be data for a run with these parameters; null when it is there.
 *
 * @throws InputErrors when it cannot be there for more than a year: more likely somebody mistyped a year
 */
export function dataToWaitFor(
  { interval_end: end }: AcceptedParameters,
  availability: Availability | null,
  now: Date,
): Date | null {
  if (typeof end !== 'string') return null
  const neededUntil = new Date(end)
  if (availability && neededUntil <= availability.until) return null
  if (neededUntil.getTime() - now.getTime() <= longestMilliseconds) return neededUntil
  const message = `The run would wait for data until ${end}; interval_end may be at most ${longestDays} days from now.`
  throw new InputErrors([new InputError(message, ['interval_end'])])
}

import { distance } from 'fastest-levenshtein'

/** What only variables of this gateway start with. */
const ownPrefix = /^(REPORT_GATEWAY|REPORTS|REPORT|S3)_/
/** Kubernetes sets these for a service that is named `report-gateway` or `reports`. */
const serviceLink = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)$/

/**
 * Finds variables that are probably meant for the gateway, and that it does not read.
 *
 * @param names names of all variables of the process
 * @param known names of the variables that the gateway reads
 * @returns a sentence for each of them, with the right name if one is near
 */
export function findMisspelled(names: readonly string[], known: readonly string[]): string[] {
  const isSet = new Set(names)
  return names.flatMap((name) => {
    if (known.includes(name)) return []
    // A name that is set already is not the one that was meant.
    const near = nearestTo(
      name.toUpperCase(),
      known.filter((right) => !isSet.has(right)),
    )
    if (near) return [`The variable ${name} has no effect. Did you mean ${near}?`]
    return ownPrefix.test(name) && !serviceLink.test(name)
      ? [`The variable ${name} has no effect. The gateway has no variable of this name.`]
      : []
  })
}

/**
 * The name that a misspelled one is near: at most two letters differ, in a short name one, or two letters changed places.
 *
 * @returns null when no name is near
 */
export function nearestTo(name: string, known: readonly string[]): string | null {
  const near = known.filter((right) => {
    const difference = distance(name, right)
    return difference <= (right.length > 6 ? 2 : 1) || (difference === 2 && sorted(name) === sorted(right))
  })
  return near.toSorted((a, b) => distance(name, a) - distance(name, b))[0] ?? null
}

function sorted(name: string): string {
  return [...name].sort().join('')
}

import type { StripeObject } from './fake-stripe.ts'

type Fields = Record<string, unknown>

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

function expandPath(
  value: unknown,
  path: readonly string[],
  objects: ReadonlyMap<string, StripeObject>,
): void {
  const [field, ...rest] = path
  if (field === undefined) return
  if (Array.isArray(value)) {
    for (const item of value) expandPath(item, path, objects)
    return
  }
  if (!isFields(value)) return
  const link = value[field]
  // Whole objects are copied: what is expanded for one request is an id again for the next.
  if (typeof link === 'string') value[field] = structuredClone(objects.get(link)) ?? link
  expandPath(value[field], rest, objects)
}

/** A copy in which the paths stand whole, such as `data.source.charge`: at most four fields deep, as at Stripe. */
export function expandObject(
  object: object,
  paths: readonly string[],
  objects: ReadonlyMap<string, StripeObject>,
): object {
  const copy = structuredClone(object)
  for (const path of paths) {
    const fields = path.split('.')
    if (fields.length > 4) throw new Error(`${path} is deeper than Stripe expands.`)
    expandPath(copy, fields, objects)
  }
  return copy
}

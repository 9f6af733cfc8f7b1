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
  // Copies the object, so that the next request gets an id again.
  if (typeof link === 'string') value[field] = structuredClone(objects.get(link)) ?? link
  expandPath(value[field], rest, objects)
}

/** Returns a copy with expanded paths, such as `data.source.charge`. Like Stripe, it expands at most four levels. */
export function expandObject(
  object: object,
  paths: readonly string[],
  objects: ReadonlyMap<string, StripeObject>,
): object {
  const copy = structuredClone(object)
  for (const path of paths) {
    const fields = path.split('.')
    if (fields.length > 4) throw new Error(`${path} has more than four levels, which Stripe does not expand.`)
    expandPath(copy, fields, objects)
  }
  return copy
}

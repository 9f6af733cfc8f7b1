type Link<Whole> = string | Whole | null | undefined

/** The id of what the API gives as an id, or whole where it was asked for that. */
export function idOf(link: Link<{ id: string }>): string | null {
  return typeof link === 'string' ? link : (link?.id ?? null)
}

/** The object, if the API gave it whole. */
export function wholeOf<Whole extends { id: string }>(link: Link<Whole>): Whole | null {
  return typeof link === 'string' ? null : (link ?? null)
}

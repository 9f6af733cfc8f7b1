type Link<Whole> = string | Whole | null | undefined

/** The id of what the API gives as an id, or whole where it was asked for that. */
export const idOf = (link: Link<{ id: string }>): string | null =>
  typeof link === 'string' ? link : (link?.id ?? null)

/** The object, if the API gave it whole. */
export const wholeOf = <Whole extends { id: string }>(link: Link<Whole>): Whole | null =>
  typeof link === 'string' ? null : (link ?? null)

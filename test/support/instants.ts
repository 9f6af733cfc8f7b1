/** An instant by its ISO 8601 text. */
export function at(text: string): Date {
  return new Date(text)
}

export function iso(date: Date | null | undefined): string | undefined {
  return date?.toISOString()
}

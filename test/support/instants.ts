/** Parses an ISO 8601 time. */
export function at(text: string): Date {
  return new Date(text)
}

export function iso(date: Date | null | undefined): string | undefined {
  return date?.toISOString()
}

/**
 * Finds values with quotes and spaces that a shell removes, but Docker and other readers of env files may not.
 *
 * @param names names of the variables to check
 * @returns a line for each value at fault
 */
export function findWrapped(given: Readonly<Record<string, string>>, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = given[name]
    const wrapper = value === undefined ? null : wrapperOf(value)
    return wrapper ? [`${name} must be without ${wrapper}${shown(name, value)}.`] : []
  })
}

/** What is around a value and does not belong to it; null for nothing. */
export function wrapperOf(value: string): string | null {
  if (/^(["']).*\1$/s.test(value)) return 'quotes'
  return value === value.trim() ? null : 'spaces around it'
}

/** The value for a message; empty for a secret. Any value with an @ may be an address with a password. */
export function shown(name: string, value: unknown): string {
  const isSecret = /(DATABASE_URL|_KEY)$/.test(name) || String(value).includes('@')
  return isSecret ? '' : `; it is ${JSON.stringify(value)}`
}

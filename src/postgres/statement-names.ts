/** Maximum number of prepared statements of one kind on a connection. */
export const maxStatements = 256

/**
 * Names the first SQL texts, which makes Postgres keep them prepared; an empty name means unprepared.
 *
 * @param prefix keeps the names of different users of a connection apart
 */
export function createStatementNames(prefix: string): (text: string) => string {
  const names = new Map<string, string>()
  return (text) => {
    const known = names.get(text)
    if (known) return known
    if (names.size >= maxStatements) return ''
    const name = `${prefix}_${names.size}`
    names.set(text, name)
    return name
  }
}

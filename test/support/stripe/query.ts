/** A query string: `expand[…]` as a list, and all other parameters by name. */
export type Query = { values: Record<string, string>; expand: string[] }

/** Parses a URL of the SDK: form-encoded, with brackets. */
export function readQuery(url: string): { path: string; query: Query } {
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1')
  const query: Query = { values: {}, expand: [] }
  for (const [name, value] of searchParams) {
    if (/^expand\[\d*\]$/.test(name)) query.expand.push(value)
    else query.values[name] = value
  }
  return { path: pathname, query }
}

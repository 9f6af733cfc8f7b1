/** What is looked for in SQL: `:name`, `$1`, `;`. */
export type Token = { kind: 'name' | 'number' | 'semicolon'; text: string; start: number; end: number }

/**
 * What is looked for, after all in which it would be something else. An identifier is among these because the `e` before
 * a quote may be its last letter.
 */
const pattern = new RegExp(
  [
    /--[^\n]*/u,
    /(?<comment>\/\*)/u,
    /[eE]'(?:[^'\\]|\\.|'')*'/u,
    /'[^']*'/u,
    /"[^"]*"/u,
    /\$(?<tag>[\p{L}_][\p{L}\p{N}_]*)?\$.*?\$\k<tag>\$/u,
    /[\p{L}_][\p{L}\p{N}_$]*/u,
    /::|:=/u,
    /:(?<name>[\p{L}_][\p{L}\p{N}_]*)/u,
    /(?<number>\$\d+)/u,
    /(?<semicolon>;)/u,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gsu',
)

/** The tokens outside of comments, texts and identifiers, in their order. */
export function* tokensIn(text: string): Generator<Token> {
  const scan = new RegExp(pattern)
  for (let found = scan.exec(text); found; found = scan.exec(text)) {
    if (found.groups?.comment) scan.lastIndex = commentEnd(text, found.index)
    const token = toToken(found)
    if (token) yield token
  }
}

/** True when there is nothing in it but spaces and comments. */
export function isBlank(text: string): boolean {
  const start = text.search(/\S/)
  if (start < 0) return true
  if (text.startsWith('--', start)) return isBlank(text.slice(start).replace(/^.*/, ''))
  return text.startsWith('/*', start) && isBlank(text.slice(commentEnd(text, start)))
}

/** Where a block comment ends that begins at `start`; in Postgres they nest. */
function commentEnd(text: string, start: number): number {
  const marks = /\/\*|\*\//g
  marks.lastIndex = start
  let depth = 0
  for (let mark = marks.exec(text); mark; mark = marks.exec(text)) {
    depth += mark[0] === '/*' ? 1 : -1
    if (depth === 0) return marks.lastIndex
  }
  return text.length
}

function toToken({ index, groups = {}, 0: whole }: RegExpExecArray): Token | null {
  const place = { start: index, end: index + whole.length }
  if (groups.name) return { kind: 'name', text: groups.name, ...place }
  if (groups.number) return { kind: 'number', text: whole, ...place }
  return groups.semicolon ? { kind: 'semicolon', text: whole, ...place } : null
}

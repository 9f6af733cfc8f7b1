import { type Sql, sql } from '../sql.ts'
import { lineAt, type Problem } from './problem.ts'

/** One SELECT, cut at its parameters: text, parameter, text, … text. */
export type Statement = {
  texts: readonly string[]
  parameters: readonly { name: string; line: number }[]
}

/**
 * Finds the parameters of a statement, `:name`. What it takes for one has to be one for Postgres as well, which the
 * check at the start proves: each is sent as a parameter of the protocol there.
 *
 * @param text the statement, perhaps with a semicolon at its end
 */
export function readStatement(text: string): { statement: Statement; problems: Problem[] } {
  const tokens = [...tokensIn(text)]
  const end = tokens.find(({ kind }) => kind === 'semicolon')?.start ?? text.length
  const inside = tokens.filter(({ start }) => start < end)
  const names = inside.filter(({ kind }) => kind === 'name')
  const bounds = [0, ...names.flatMap((name) => [name.start, name.end]), end]
  const problems = tokens
    .filter(({ kind }) => kind === 'number')
    .map(({ text: number, start }) => ({
      line: lineAt(text, start),
      message: `${number} is no parameter. Write the name of one, as in ":account_id".`,
    }))
  const problemAtEnd = (message: string) => problems.push({ line: lineAt(text, end), message })
  if (tokens.some(({ start }) => start > end))
    problemAtEnd('More follows this semicolon. A report is one SELECT.')
  if (inside.length === 0) problemAtEnd('The SELECT is missing.')
  return {
    statement: {
      texts: [...names, null].map((_, i) => text.slice(bounds[2 * i], bounds[2 * i + 1])),
      parameters: names.map((token) => ({ name: token.text, line: lineAt(text, token.start) })),
    },
    problems,
  }
}

/** The statement as what may follow FROM, named `line`, with a value for each of its parameters. */
export function bindStatement({ texts, parameters }: Statement, bind: (name: string) => Sql): Sql {
  const values = parameters.map(({ name }) => bind(name))
  // On lines of its own, because it may end with a comment.
  return sql`(\n${sql(texts, ...values)}\n) as line`
}

/** What is looked for in SQL, `:name`, `$1` and `;`, and what is neither that nor a comment. */
type Token = { kind: 'name' | 'number' | 'semicolon' | 'other'; text: string; start: number; end: number }

/**
 * What is looked for, after all in which it would be something else. An identifier is among these because the `e` before
 * a quote may be its last letter.
 */
const pattern = new RegExp(
  [
    /(?<line>--)[^\n]*/u,
    /(?<block>\/\*)/u,
    /[eE]'(?:[^'\\]|\\.|'')*'/u,
    /'[^']*'/u,
    /"[^"]*"/u,
    /\$(?<tag>[\p{L}_][\p{L}\p{N}_]*)?\$.*?\$\k<tag>\$/u,
    /[\p{L}_][\p{L}\p{N}_$]*/u,
    /::|:=/u,
    /:(?<name>[\p{L}_][\p{L}\p{N}_]*)/u,
    /(?<number>\$\d+)/u,
    /(?<semicolon>;)/u,
    /\S/u,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gsu',
)

/** The tokens outside of comments, in their order. */
function* tokensIn(text: string): Generator<Token> {
  const scan = new RegExp(pattern)
  for (let found = scan.exec(text); found; found = scan.exec(text)) {
    const { index: start, groups = {}, 0: whole } = found
    const place = { start, end: start + whole.length }
    if (groups.block) scan.lastIndex = commentEnd(text, start)
    else if (groups.name) yield { kind: 'name', text: groups.name, ...place }
    else if (groups.number) yield { kind: 'number', text: whole, ...place }
    else if (groups.semicolon) yield { kind: 'semicolon', text: whole, ...place }
    else if (!groups.line) yield { kind: 'other', text: whole, ...place }
  }
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

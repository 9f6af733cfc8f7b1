import { preview } from '../parameters.ts'
import { type Sql, sql } from '../sql.ts'
import { lineAt, type Problem } from './problem.ts'

/** One SELECT, split at its parameters: text, parameter, text, … text. */
export type Statement = {
  texts: readonly string[]
  parameters: readonly { name: string; line: number }[]
}

/**
 * Finds the parameters `:name` of a statement. `checkStatement` proves that Postgres reads each of them as a parameter.
 *
 * @param text the statement, which can end with a semicolon
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
      message: `${number} is not a valid parameter. Use a named parameter such as ":account_id".`,
    }))
  const problemAtEnd = (message: string) => problems.push({ line: lineAt(text, end), message })
  if (tokens.some(({ start }) => start > end))
    problemAtEnd('The SQL continues after this semicolon. A report must be a single SELECT.')
  const [first] = inside
  if (!first) problemAtEnd('The SELECT is missing.')
  else if (!queryStart.test(first.text)) {
    const message = `The SQL must be one SELECT statement, but it starts with ${preview(first.text)}.`
    problems.push({ line: lineAt(text, first.start), message })
  }
  return {
    statement: {
      texts: [...names, null].map((_, i) => text.slice(bounds[2 * i], bounds[2 * i + 1])),
      parameters: names.map((token) => ({ name: token.text, line: lineAt(text, token.start) })),
    },
    problems,
  }
}

/** A query can also start with a common table expression, a parenthesis, VALUES or TABLE. */
const queryStart = /^(?:select|with|values|table|\()$/i

/** The statement as a subquery for FROM with the alias `line`, with a value for each parameter. */
export function bindStatement({ texts, parameters }: Statement, bind: (name: string) => Sql): Sql {
  const values = parameters.map(({ name }) => bind(name))
  // On separate lines, because the statement can end with a comment.
  return sql`(\n${sql(texts, ...values)}\n) as line`
}

/** A parameter `:name`, a number `$1`, a semicolon, or other SQL outside comments. */
type Token = { kind: 'name' | 'number' | 'semicolon' | 'other'; text: string; start: number; end: number }

/**
 * Matches comments, strings and quoted identifiers before the tokens that they could contain. It matches whole
 * identifiers because an `e` before a quote can be the last letter of one.
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

/** The tokens outside comments, in order. */
function* tokensIn(text: string): Generator<Token> {
  const scan = new RegExp(pattern)
  for (let found = scan.exec(text); found; found = scan.exec(text)) {
    const { index: start, groups = {}, 0: whole } = found
    const position = { start, end: start + whole.length }
    if (groups.block) scan.lastIndex = commentEnd(text, start)
    else if (groups.name) yield { kind: 'name', text: groups.name, ...position }
    else if (groups.number) yield { kind: 'number', text: whole, ...position }
    else if (groups.semicolon) yield { kind: 'semicolon', text: whole, ...position }
    else if (!groups.line) yield { kind: 'other', text: whole, ...position }
  }
}

/** The end of the block comment that starts at `start`; block comments nest in Postgres. */
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

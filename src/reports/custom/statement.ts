import { type Sql, sql } from '../sql.ts'
import { lineAt, type Problem } from './problem.ts'
import { isBlank, type Token, tokensIn } from './tokens.ts'

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
  return { statement: cut(text, tokens), problems: check(text, tokens) }
}

/** The statement as what may follow FROM, named `line`, with a value for each of its parameters. */
export function bindStatement({ texts, parameters }: Statement, bind: (name: string) => Sql): Sql {
  const values = parameters.map(({ name }) => bind(name))
  // On lines of its own, because it may end with a comment.
  return sql`(\n${sql(texts, ...values)}\n) as line`
}

/** The semicolon at the end, if there is one. */
function findEnd(text: string, tokens: readonly Token[]): number {
  return tokens.find(({ kind }) => kind === 'semicolon')?.start ?? text.length
}

function cut(text: string, tokens: readonly Token[]): Statement {
  const end = findEnd(text, tokens)
  const found = tokens.filter(({ kind, start }) => kind === 'name' && start < end)
  const bounds = [0, ...found.flatMap(({ start, end }) => [start, end]), end]
  return {
    texts: Array.from({ length: found.length + 1 }, (_, i) => text.slice(bounds[2 * i], bounds[2 * i + 1])),
    parameters: found.map((token) => ({ name: token.text, line: lineAt(text, token.start) })),
  }
}

function check(text: string, tokens: readonly Token[]): Problem[] {
  const end = findEnd(text, tokens)
  const numbers = tokens
    .filter(({ kind }) => kind === 'number')
    .map(({ text: number, start }) => ({
      line: lineAt(text, start),
      message: `${number} is no parameter. Write the name of one, as in ":account_id".`,
    }))
  const more = isBlank(text.slice(end + 1)) ? [] : ['More follows this semicolon. A report is one SELECT.']
  const missing = isBlank(text.slice(0, end)) ? ['The SELECT is missing.'] : []
  return [...numbers, ...[...more, ...missing].map((message) => ({ line: lineAt(text, end), message }))]
}

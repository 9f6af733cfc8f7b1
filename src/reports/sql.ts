import { escapeLiteral } from 'pg'
import { Prisma } from '../postgres/generated/prisma/client.ts'

/** SQL text and its values, kept separate until the statement is sent. Fragments nest. */
export type Sql = Prisma.Sql
export const sql = Prisma.sql
export const joinSql = Prisma.join
export const noSql = Prisma.empty

/**
 * The statement as one text with its values as escaped literals, because COPY takes no parameters. Only this function
 * writes values into a report's SQL text. Literals let the planner see the interval and choose the index; settings would
 * hide it.
 *
 * @throws Error for a value that is not a boolean or text that Postgres can store
 */
export function literalText({ strings, values }: Sql): string {
  return strings.reduce((text, part, i) => `${text}${literal(values[i - 1])}${part}`)
}

function literal(value: unknown): string {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0') || !value.isWellFormed())
        throw new Error('Postgres text cannot contain NUL or half of a surrogate pair.')
      return escapeLiteral(value)
    case 'boolean':
      return String(value)
    default:
      throw new Error(
        `A value of type ${typeof value} cannot be written into a report's SQL. Pass it as text and cast it in the SQL.`,
      )
  }
}

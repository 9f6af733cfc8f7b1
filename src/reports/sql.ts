import { escapeLiteral } from 'pg'
import { Prisma } from '../postgres/generated/prisma/client.ts'

/** SQL text and its values, kept apart until the statement is sent. Fragments nest. */
export type Sql = Prisma.Sql
export const sql = Prisma.sql
export const joinSql = Prisma.join
export const noSql = Prisma.empty

/**
 * The statement as one text with its values as escaped literals: COPY takes no parameters. This is the only place
 * that does so. Literals rather than settings, because the planner needs to see the interval to choose its index.
 */
export function literalText({ strings, values }: Sql): string {
  return strings.reduce((text, part, i) => `${text}${literal(values[i - 1])}${part}`)
}

function literal(value: unknown): string {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0') || !value.isWellFormed())
        throw new Error('Postgres text can hold neither NUL nor half of a surrogate pair.')
      return escapeLiteral(value)
    case 'boolean':
      return String(value)
    default:
      throw new Error(
        `A value of type ${typeof value} cannot be written into a report's SQL: give it as text and cast it there.`,
      )
  }
}

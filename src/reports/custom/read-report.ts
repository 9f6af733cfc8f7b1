import type { OwnReport } from './custom-report.ts'
import { type FrontMatter, readFrontMatter } from './front-matter.ts'
import { checkDeclared } from './parameters.ts'
import { type Problem, ReportFileError } from './problem.ts'
import { readStatement, type Statement } from './statement.ts'

/** What a statement may name: what is declared, and what comes with the gateway. */
const givenNames = ['account_id', 'livemode', 'timezone']

/**
 * Reads a report of the operator's own, without asking a database.
 *
 * @param file name for messages
 * @throws ReportFileError with every mistake that can be found this way
 */
export function readReport(file: string, text: string): OwnReport {
  const matter = readFrontMatter(text)
  if ('problems' in matter) throw new ReportFileError(file, matter.problems)
  const { header, lineOf, sql } = matter
  const { statement, problems } = readStatement(sql)
  const all = [
    ...checkDeclared(header, lineOf),
    ...problems,
    ...checkNames(matter, statement),
    ...checkScope(matter, statement),
  ]
  if (all.length > 0) throw new ReportFileError(file, all)
  return { header, lineOf, statement }
}

function checkNames({ header, lineOf }: FrontMatter, { parameters }: Statement): Problem[] {
  const declared = Object.keys(header.parameters)
  const known = [...declared, ...givenNames]
  const used = new Set(parameters.map(({ name }) => name))
  return [
    ...parameters
      .filter(({ name }) => !known.includes(name))
      .map(({ name, line }) => ({
        line,
        message: `There is no parameter ":${name}". There are ${known.join(', ')}. In the slice of an array, write a space after the colon.`,
      })),
    ...declared
      .filter((name) => !used.has(name))
      .map((name) => ({
        line: lineOf(['parameters', name]),
        message: `The parameter "${name}" is declared and not used. Write ":${name}" in the SQL, or leave it out.`,
      })),
  ]
}

/** Unless a report says that it is meant for everyone, it has to tell one account and one mode from another. */
function checkScope({ header, lineOf }: FrontMatter, { parameters }: Statement): Problem[] {
  if (header.scope === 'everyone') return []
  const needed = ['account_id', ...(header.live_only ? [] : ['livemode'])]
  return needed
    .filter((needed) => !parameters.some(({ name }) => name === needed))
    .map((name) => ({
      line: lineOf(['scope']),
      message: `The SQL does not use ":${name}", so that all callers would get the same rows. Use it, or write "scope: everyone" if that is meant${name === 'livemode' ? ', or "live_only: true"' : ''}.`,
    }))
}

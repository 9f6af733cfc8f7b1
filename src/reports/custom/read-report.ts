import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import { preview } from '../parameters.ts'
import { type CustomReport, checkDeclared } from './custom-report.ts'
import { type Header, headerSchema } from './header.ts'
import { type LineOf, type Problem, ReportFileError } from './problem.ts'
import { readStatement, type Statement } from './statement.ts'

/** What a statement may name beside what is declared. */
const givenNames = ['account_id', 'livemode', 'timezone']

const fence = /^\uFEFF?\/\*---[ \t]*\r?\n(?<yaml>.*?)^---\*\//ms

/**
 * Reads a custom report, without asking a database: YAML in a comment at its beginning, between `/*---` and `---*\/`, and
 * SQL below.
 *
 * @throws ReportFileError with every mistake that can be found this way
 */
export function readReport(file: string, text: string): CustomReport {
  const [whole, yaml] = fence.exec(text) ?? []
  if (whole === undefined) {
    const message =
      'The header is missing. The file has to begin with a line "/*---", YAML, and a line "---*/".'
    throw new ReportFileError(file, [{ line: 1, message }])
  }
  const lines = new LineCounter()
  // Begun in the second line, as in the file.
  const document = parseDocument(`\n${yaml}`, { lineCounter: lines, prettyErrors: false })
  const faults = [...document.errors, ...document.warnings].map(({ pos: [at], message }) => ({
    line: lines.linePos(at).line,
    message,
  }))
  faults.push(...aliasFaults(document, lines))
  if (faults.length > 0) throw new ReportFileError(file, faults)
  const lineOf = locate(document, lines)
  const { data: header, error } = headerSchema.safeParse(document.toJS() ?? {}, { reportInput: true })
  if (error) {
    const problems = error.issues.map((issue) => {
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
      return { line: lineOf([...issue.path, ...unknown]), message: sentence(issue) }
    })
    throw new ReportFileError(file, problems)
  }
  // Empty lines in the header's place, so that those of the SQL have the numbers of the file.
  const sql = '\n'.repeat(whole.split('\n').length - 1) + text.slice(whole.length)
  const { statement, problems } = readStatement(sql)
  const all = [
    ...checkDeclared(header, lineOf),
    ...problems,
    ...checkNames(header, lineOf, statement),
    ...checkScope(header, lineOf, statement),
  ]
  if (all.length > 0) throw new ReportFileError(file, all)
  return { file, header, lineOf, statement }
}

/** Aliases that stand for nothing, or for what they are in: YAML itself does not look for them before it needs their values. */
function aliasFaults(document: Document, lines: LineCounter): Problem[] {
  const faults: Problem[] = []
  visit(document, {
    Alias: (_key, alias, ancestors) => {
      const node = alias.resolve(document)
      if (node && !ancestors.includes(node)) return
      const { line } = lines.linePos(alias.range?.[0] ?? 0)
      faults.push({ line, message: `There is no anchor "&${alias.source}" before this alias.` })
    },
  })
  return faults
}

/** An entry of a map begins with its key. What is missing is reported where it belongs. */
function locate(document: Document, lines: LineCounter): LineOf {
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const parent = document.getIn(path.slice(0, length - 1), true)
      const pair = isMap(parent)
        ? parent.items.find(({ key }) => isScalar(key) && key.value === path[length - 1])
        : null
      const node = pair?.key ?? document.getIn(path.slice(0, length), true)
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
    }
    return lines.linePos(document.contents?.range?.[0] ?? 0).line
  }
}

/** Zod's words for what it expects, in the words of YAML. */
const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys and values',
  record: 'a map of keys and values',
}

function sentence(issue: z.core.$ZodIssue): string {
  const name = `"${issue.path.map(String).join('.')}"`
  switch (issue.code) {
    case 'unrecognized_keys':
      return `There is no key ${issue.keys.map(preview).join(', ')} here.`
    case 'invalid_key':
      return issue.issues.map(({ message }) => message).join(' ')
    case 'invalid_type':
      return issue.input === undefined
        ? `${name} is missing.`
        : `${name} has to be ${kinds[issue.expected] ?? issue.expected}, not ${preview(issue.input)}.`
    default:
      return `${name}: ${issue.message}`
  }
}

function checkNames(header: Header, lineOf: LineOf, { parameters }: Statement): Problem[] {
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

/** Unless a report says that it is meant for everyone, it must distinguish accounts and modes. */
function checkScope(header: Header, lineOf: LineOf, { parameters }: Statement): Problem[] {
  if (header.scope === 'everyone') return []
  const needed = ['account_id', ...(header.live_only ? [] : ['livemode'])]
  return needed
    .filter((needed) => !parameters.some(({ name }) => name === needed))
    .map((name) => ({
      line: lineOf(['scope']),
      message: `The SQL does not use ":${name}", so that all callers would get the same rows. Use it, or write "scope: everyone" if that is meant${name === 'livemode' ? ', or "live_only: true"' : ''}.`,
    }))
}

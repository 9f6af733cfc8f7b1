import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import { preview } from '../parameters.ts'
import { type CustomReport, checkDeclared } from './custom-report.ts'
import { type Header, headerSchema } from './header.ts'
import { type LineOf, type Problem, ReportFileError } from './problem.ts'
import { readStatement, type Statement } from './statement.ts'

/** Parameters that a statement can use without a declaration. */
const undeclaredNames = ['account_id', 'livemode', 'timezone']

const fence = /^\uFEFF?\/\*---[ \t]*\r?\n(?<yaml>.*?)^---\*\//ms

/**
 * Reads a custom report: YAML in a comment at the start, between `/*---` and `---*\/`, followed by SQL.
 *
 * @throws ReportFileError with every mistake that can be found without a database
 */
export function readReport(file: string, text: string): CustomReport {
  const [whole, yaml] = fence.exec(text) ?? []
  if (whole === undefined) {
    const message =
      'The header is missing. The file must start with a line "/*---", followed by YAML and a line "---*/".'
    throw new ReportFileError(file, [{ line: 1, message }])
  }
  const lines = new LineCounter()
  // YAML starts on the second line, as in the file.
  const document = parseDocument(`\n${yaml}`, { lineCounter: lines, prettyErrors: false })
  const yamlProblems = [...document.errors, ...document.warnings].map(({ pos: [at], code, message }) => ({
    line: lines.linePos(at).line,
    message:
      code === 'BLOCK_AS_IMPLICIT_KEY'
        ? `The YAML is not valid: ${message}. Put a text that contains a colon in quotes.`
        : message,
  }))
  yamlProblems.push(...checkAliases(document, lines))
  if (yamlProblems.length > 0) throw new ReportFileError(file, yamlProblems)
  const lineOf = locate(document, lines)
  const { data: header, error } = headerSchema.safeParse(document.toJS() ?? {}, { reportInput: true })
  if (error) {
    const problems = error.issues.map((issue) => {
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
      return { line: lineOf([...issue.path, ...unknown]), message: messageOf(issue) }
    })
    throw new ReportFileError(file, problems)
  }
  // Empty lines replace the header, so that line numbers in the SQL are those of the file.
  const sql = '\n'.repeat(whole.split('\n').length - 1) + text.slice(whole.length)
  const { statement, problems } = readStatement(sql)
  const all = [
    ...checkDeclared(header, lineOf),
    ...problems,
    ...checkNames(header, lineOf, statement),
    ...(problems.length === 0 ? checkScope(header, lineOf, statement) : []),
  ]
  if (all.length > 0) throw new ReportFileError(file, all)
  return { file, header, lineOf, statement }
}

/** Finds aliases without an anchor or inside their own anchor; the parser reports them only when it needs values. */
function checkAliases(document: Document, lines: LineCounter): Problem[] {
  const problems: Problem[] = []
  visit(document, {
    Alias: (_key, alias, ancestors) => {
      const node = alias.resolve(document)
      if (node && !ancestors.includes(node)) return
      const { line } = lines.linePos(alias.range?.[0] ?? 0)
      problems.push({
        line,
        message: `The alias "*${alias.source}" has no anchor "&${alias.source}" before it.`,
      })
    },
  })
  return problems
}

/** An entry of a map starts at its key. The line of a missing part is that of its closest existing parent. */
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

/** Zod's names of expected types, in YAML terms. */
const yamlTypes: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys and values',
  record: 'a map of keys and values',
}

function messageOf(issue: z.core.$ZodIssue): string {
  const name = `"${issue.path.map(String).join('.')}"`
  switch (issue.code) {
    case 'unrecognized_keys':
      return `Unknown key: ${issue.keys.map(preview).join(', ')}.`
    case 'invalid_key':
      return issue.issues.map(({ message }) => message).join(' ')
    case 'invalid_type':
      return issue.input === undefined
        ? `${name} is missing.`
        : `${name} must be ${yamlTypes[issue.expected] ?? issue.expected}, not ${preview(issue.input)}.`
    default:
      return `${name}: ${issue.message}`
  }
}

function checkNames(header: Header, lineOf: LineOf, { texts, parameters }: Statement): Problem[] {
  const declared = Object.keys(header.parameters)
  const known = [...declared, ...undeclaredNames]
  const used = new Set(parameters.map(({ name }) => name))
  return [
    ...parameters.flatMap(({ name, line }, i) => {
      if (known.includes(name)) return []
      const isInBrackets = /\[[^\]]*$/.test(texts.slice(0, i + 1).join(''))
      const advice = isInBrackets ? ' In an array slice, put a space after the colon.' : ''
      const message = `The parameter ":${name}" is not declared. The declared and built-in parameters are ${known.join(', ')}.${advice}`
      return [{ line, message }]
    }),
    ...declared
      .filter((name) => !used.has(name))
      .map((name) => ({
        line: lineOf(['parameters', name]),
        message: `The parameter "${name}" is declared but not used. Use ":${name}" in the SQL, or remove the declaration.`,
      })),
  ]
}

/** A report must select rows by account and mode, unless its scope is everyone. */
function checkScope(header: Header, lineOf: LineOf, { parameters }: Statement): Problem[] {
  if (header.scope === 'everyone') return []
  const required = ['account_id', ...(header.live_only ? [] : ['livemode'])]
  return required
    .filter((name) => !parameters.some((parameter) => parameter.name === name))
    .map((name) => ({
      line: lineOf(['scope']),
      message: `The SQL does not use ":${name}", so all callers would get the same rows. Use it, or set "scope: everyone"${name === 'livemode' ? ' or "live_only: true"' : ''} if that is intended.`,
    }))
}

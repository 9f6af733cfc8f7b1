import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { shown } from '../parameters.ts'
import { type Header, headerSchema } from './header.ts'
import type { Problem } from './problem.ts'

/** In which line of the file the part of the header at `path` stands. */
export type LineOf = (path: readonly PropertyKey[]) => number

/** A file of reports, taken apart. */
export type FrontMatter = {
  header: Header
  lineOf: LineOf
  /** What follows the header, with empty lines in the header's place, so that its lines have the numbers of the file. */
  sql: string
}

const fence = /^\uFEFF?\/\*---[ \t]*\r?\n(?<yaml>.*?)^---\*\//ms

type Place = { node: unknown; offset: number }

/** Zod's words for what it expects, in the words of YAML. */
const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys and values',
  record: 'a map of keys and values',
}

/** Takes a file apart: YAML in a comment at its beginning, between `/*---` and `---*\/`, and SQL below. */
export function readFrontMatter(text: string): FrontMatter | { problems: Problem[] } {
  const { 0: whole, groups } = fence.exec(text) ?? {}
  if (whole === undefined) {
    const message =
      'The header is missing. The file has to begin with a line "/*---", YAML, and a line "---*/".'
    return { problems: [{ line: 1, message }] }
  }
  const lines = new LineCounter()
  // Begun in the second line, as in the file.
  const document = parseDocument(`\n${groups?.yaml}`, { lineCounter: lines, prettyErrors: false })
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    return {
      problems: faults.map(({ pos: [at], message }) => ({ line: lines.linePos(at).line, message })),
    }
  }
  const lineOf = locate(document, lines)
  const { data, error } = headerSchema.safeParse(document.toJS() ?? {}, { reportInput: true })
  if (error) return { problems: error.issues.map((issue) => toProblem(issue, lineOf)) }
  return { header: data, lineOf, sql: blankLines(whole) + text.slice(whole.length) }
}

function blankLines(text: string): string {
  return '\n'.repeat(text.split('\n').length - 1)
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}

/** One step down into YAML; null when there is nothing. An entry of a map begins with its key. */
function enter(node: unknown, step: PropertyKey): Place | null {
  const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && key.value === step) : null
  const next = isSeq(node) ? node.items[Number(step)] : pair?.value
  const offset = offsetOf(pair?.key ?? next)
  return offset === undefined ? null : { node: next, offset }
}

/** What is missing has no place of its own, so it is told where it belongs. */
function locate({ contents }: Document, lines: LineCounter): LineOf {
  return (path) => {
    let place: Place = { node: contents, offset: offsetOf(contents) ?? 0 }
    for (const step of path) {
      const next = enter(place.node, step)
      if (!next) break
      place = next
    }
    return lines.linePos(place.offset).line
  }
}

function inQuotes(path: readonly PropertyKey[]): string {
  return `"${path.map(String).join('.')}"`
}

function sentence(path: readonly PropertyKey[], issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `There is no key ${issue.keys.map(shown).join(', ')} here.`
    case 'invalid_key':
      return issue.issues.map(({ message }) => message).join(' ')
    case 'invalid_type':
      return issue.input === undefined
        ? `${inQuotes(path)} is missing.`
        : `${inQuotes(path)} has to be ${kinds[issue.expected] ?? issue.expected}, not ${shown(issue.input)}.`
    default:
      return `${inQuotes(path)}: ${issue.message}`
  }
}

function toProblem(issue: z.core.$ZodIssue, lineOf: LineOf): Problem {
  const place = issue.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path
  return { line: lineOf(place), message: sentence(issue.path, issue) }
}

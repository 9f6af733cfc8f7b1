import type { DocumentNode, GraphQLSchema } from 'graphql'
import { type DocumentSize, measureDocument, type RawVariables } from './document-cost.ts'

/** Gives the size of a document with its variables. */
export type DocumentMeter = (document: DocumentNode, variables: RawVariables) => DocumentSize

type Known = {
  /** The variables that determine the size. */
  names: ReadonlySet<string>
  /** The size for values of these variables. */
  sizes: Map<string, DocumentSize>
}

/** The maximum number of sizes that are kept of a document, and of variables that determine them. */
const maxSizes = 20
const maxVariables = 10

/**
 * Creates a meter that measures a document once for all values of variables that give it the same size: the walk takes as
 * long as the execution of a short list. It keeps its measurements for as long as the document is kept.
 */
export function createDocumentMeter(schema: GraphQLSchema): DocumentMeter {
  const known = new WeakMap<DocumentNode, Known>()
  return (document, variables) => {
    const before = known.get(document)
    const size = before?.sizes.get(keyOf(before.names, variables))
    if (size) return size
    const names = new Set<string>()
    const measured = measureDocument(schema, document, variables, names)
    if (names.size > maxVariables) return measured
    const sizes = before && before.sizes.size < maxSizes ? before.sizes : new Map<string, DocumentSize>()
    known.set(document, { names, sizes: sizes.set(keyOf(names, variables), measured) })
    return measured
  }
}

/** The same text for values that give the same size. */
function keyOf(names: ReadonlySet<string>, variables: RawVariables): string {
  let key = ''
  for (const name of names) {
    key += variables && Object.hasOwn(variables, name) ? `${sizeOf(variables[name])},` : ','
  }
  return key
}

function sizeOf(value: unknown): string {
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value)) return `[${value.length}`
  return value === null || value === undefined ? 'null' : 'other'
}

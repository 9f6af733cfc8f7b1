import fc from 'fast-check'
import { type DocumentNode, Kind, parse, visit } from 'graphql'
import { expect, test } from 'vitest'
import { measureDocument } from '../../../src/graphql/plugins/document-cost.ts'
import { createDocumentMeter } from '../../../src/graphql/plugins/document-meter.ts'
import { schema } from '../../../src/graphql/schema.ts'

const documents = [
  '{ reportRuns(first: 3) { nodes { id } } }',
  'query ($a: Int) { reportRuns(first: $a) { nodes { id } } }',
  'query ($a: Int = 7) { reportRuns(first: $a) { nodes { id } } }',
  'query ($a: Int, $b: Int) { reportRuns(first: $a, last: $b) { nodes { id retries(first: $b) { nodes { id } } } } }',
  'query ($a: [ID!]!) { nodes(ids: $a) { id } }',
  'query ($a: Int, $b: String) { ...F } fragment F on Query { reportRuns(first: $a, after: $b) { nodes { id } } }',
  'query A($a: Int = 3) { reportRuns(first: $a) { nodes { id } } } query B($a: Int = 9) { reportRuns(last: $a) { nodes { id } } }',
  `query (${many((name) => `$${name}: Int`)}) { ${many((name) => `${name}: reportRuns(first: $${name}) { nodes { id } }`)} }`,
]

const value = fc.oneof(
  fc.integer({ min: -5, max: 600 }),
  fc.array(fc.constant('id'), { maxLength: 5 }),
  fc.constantFrom(null, undefined, 'text', true, {}, 1.5, 2 ** 60),
)
const variables = fc.option(fc.dictionary(fc.constantFrom('a', 'b'), value))

test('a meter gives the sizes of documents, whatever it has measured before', () => {
  const meter = createDocumentMeter(schema)
  const parsed = documents.map((text) => parse(text))
  const property = fc.property(fc.constantFrom(...parsed), variables, (document, given) => {
    expect(meter(document, given)).toEqual(measureDocument(schema, document, given))
  })
  fc.assert(property, { numRuns: 2_000 })
})

test('a meter walks a document once for all values of variables that do not determine its size', () => {
  const meter = createDocumentMeter(schema)
  const document = parse(
    'query ($first: Int, $after: String) { reportRuns(first: $first, after: $after) { nodes { id } } }',
  )
  const { walked, seen } = watched(document)
  meter(walked, { first: 5, after: 'a' })
  const walks = seen()
  meter(walked, { first: 5, after: 'b' })
  expect(seen()).toBe(walks)
  meter(walked, { first: 6, after: 'b' })
  expect(seen()).toBeGreaterThan(walks)
})

function many(print: (name: string) => string): string {
  return Array.from({ length: 12 }, (_, index) => print(index === 0 ? 'a' : `v${index}`)).join(' ')
}

/** The document, and how often a selection in it was read. */
function watched(document: DocumentNode) {
  let reads = 0
  const walked = visit(document, {
    [Kind.SELECTION_SET]: {
      leave: (node) => ({
        ...node,
        get selections() {
          reads++
          return node.selections
        },
      }),
    },
  })
  return { walked, seen: () => reads }
}

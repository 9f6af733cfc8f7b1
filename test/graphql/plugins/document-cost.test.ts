import { buildSchema, type GraphQLSchema, parse } from 'graphql'
import { describe, expect, test } from 'vitest'
import { measureDocument } from '../../../src/graphql/plugins/document-cost.ts'
import { schema as gatewaySchema } from '../../../src/graphql/schema.ts'

const schema = buildSchema(`
  type Query {
    me: User
    users(first: Int, last: Int): Users
    logs(first: Int = 50): Users
    list(first: Int): [User]
    nodes(ids: [ID!]!): [User]
  }
  type Users { total: Int nodes: [User] edges: [Edge] }
  type Edge { node: User }
  type User { id: ID name: String me: User friends: [User] users(first: Int): Users tags: [String] }
`)

function measure(query: string, variables?: Record<string, unknown>) {
  return measureDocument(schema, parse(query), variables)
}

describe('the cost of the work behind a field', () => {
  const cost = (query: string, variables = {}): number =>
    measureDocument(gatewaySchema, parse(query), variables).cost

  test.each([
    ['{ reportRuns(first: 10) { nodes { id } } }', 1 + 10 + 1 + 10 * (3 + 1)],
    ['{ reportRuns(first: 1) { totalCount } }', 1 + 10 + 1 + 500],
    ['{ reportRuns(first: 1) { isTotalCountExact } }', 1 + 10 + 1 + 500],
    ['{ reportRuns(first: 1, filter: { isEmpty: true }) { nodes { id } } }', 1 + 10 + 500 + 1 + 3 + 1],
    ['query ($f: ReportRunFilterInput) { reportRuns(first: 1, filter: $f) { nodes { id } } }', 516],
    ['{ reportRunEvents(first: 1, scope: { filter: {} }) { nodes { cursor } } }', 1 + 10 + 4_000 + 1 + 3 + 1],
    ['{ node(id: "a") { id } }', 1 + 10 + 1],
    ['{ nodes(ids: ["a", "b"]) { id } }', 1 + 2 * (10 + 1)],
    ['{ reportRuns(first: 2) { nodes { events(first: 1) { nodes { cursor } } } } }', 12 + 2 * (3 + 16)],
    ['{ viewer { quota { dailyRuns { used } } } }', 1 + 21 + 1 + 1],
  ])('%s is %i', (query, expected) => {
    expect(cost(query)).toBe(expected)
  })

  test('bounds the counts, the searches and the objects of a document', () => {
    const repeated = (count: number, field: string): string =>
      `{ ${Array.from({ length: count }, (_, index) => `a${index}: ${field}`).join(' ')} }`
    const limit = 20_000
    const counts = 'reportRuns(first: 1, filter: { isEmpty: true }) { totalCount }'
    expect(cost(repeated(30, counts))).toBeGreaterThan(limit)
    const search = 'reportRunEvents(first: 1, scope: { filter: {} }) { nodes { cursor } }'
    expect(cost(repeated(5, search))).toBeGreaterThan(limit)
    const ids = Array.from({ length: 100 }, () => '"a"').join(' ')
    expect(cost(repeated(30, `nodes(ids: [${ids}]) { id }`))).toBeGreaterThan(limit)
    // A dashboard stays far below it.
    expect(cost(repeated(3, counts))).toBeLessThan(limit / 5)
  })
})

describe('the cost of a document', () => {
  test.each([
    ['{ me { id name } }', 3],
    ['{ users(first: 10) { total nodes { id name } } }', 1 + 1 + 1 + 10 * 2],
    ['{ users(last: 7) { nodes { id } } }', 2 + 7],
    ['{ users(first: 3, last: 7) { nodes { id } } }', 2 + 7],
    ['{ users { nodes { id } } }', 2 + 20],
    ['{ users(first: null) { nodes { id } } }', 2 + 20],
    ['{ users(first: -5) { nodes { id } } }', 2],
    ['{ logs { nodes { id } } }', 2 + 50],
    ['{ logs(first: null) { nodes { id } } }', 2 + 50],
    ['{ logs(first: 2) { nodes { id } } }', 2 + 2],
    ['{ list(first: 4) { id } }', 1 + 4],
    ['{ nodes(ids: ["a", "b", "c"]) { id name } }', 1 + 3 * 2],
    ['{ me { friends { id } tags } }', 1 + 1 + 5 + 1],
    [
      '{ users(first: 10) { edges { node { id users(first: 10) { nodes { id } } } } } }',
      2 + 10 * (1 + 1 + 2 + 10),
    ],
    [
      '{ ...F } fragment F on Query { users(first: 10) { ...P } } fragment P on Users { nodes { id } }',
      2 + 10,
    ],
    [
      '{ a: users(first: 9) { ...P } b: users(first: 1) { ...P } } fragment P on Users { nodes { id } }',
      4 + 9 + 1,
    ],
    ['{ ... on Query { users(first: 10) { ... { nodes { id } } } } }', 2 + 10],
    ['query A { me { id } } query B { users(first: 10) { nodes { id } } }', 2 + 10],
    // A list rejects larger pages, so no page costs more than the largest one.
    ['{ users(first: 900) { nodes { id } } }', 2 + 500],
    ['{ unknown(first: 10) { nodes { id } } }', 3],
  ])('%s is %i', (query, cost) => {
    expect(measure(query).cost).toBe(cost)
  })

  test('uses the values of the variables', () => {
    const query =
      'query ($n: Int, $m: Int = 30) { users(first: $n) { nodes { id } } logs(first: $m) { nodes { id } } }'
    const costs = [{}, { n: 3 }, { n: 3, m: 4 }, { n: null, m: null }].map(
      (values) => measure(query, values).cost,
    )
    expect(costs).toEqual([4 + 20 + 30, 4 + 3 + 30, 4 + 3 + 4, 4 + 20 + 50])
    expect(
      measure('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: Array(40).fill('a') }).cost,
    ).toBe(41)
    expect(measure('query ($n: Int) { logs(first: $n) { nodes { id } } }').cost).toBe(2 + 50)
  })

  test('ignores values of other types', () => {
    const query = 'query ($n: Int) { users(first: $n) { nodes { id } } }'
    for (const n of ['1000', {}, [], true, Number.NaN]) expect(measure(query, { n }).cost).toBe(2)
    expect(measure('query ($toString: Int = 50) { users(first: $toString) { nodes { id } } }', {}).cost).toBe(
      2 + 50,
    )
    expect(measure(query, { n: 1e308 }).cost).toBe(2 + 500)
  })
})

test.each([
  ['reportTypes', 'name', 50, 2],
  ['reportRuns', 'id', 20, 12],
  ['reportSchedules', 'id', 20, 12],
  ['reportRunEvents', 'cursor', 100, 12],
])('a page of %s without a size costs the %s of its default size, %i', (list, field, size, page) => {
  for (const given of ['', '(first: null)']) {
    const document = parse(`{ ${list}${given} { nodes { ${field} } } }`)
    expect(measureDocument(gatewaySchema, document, {}).cost).toBe(page + size * (3 + 1))
  }
})

describe('the depth', () => {
  test.each([
    ['{ me { id } }', 2],
    ['{ ...F } fragment F on Query { me { ...G } } fragment G on User { me { me { id } } }', 4],
    ['{ me { ... on User { ... { id } } } }', 2],
    ['{ me { id } } fragment Unused on User { me { me { id } } }', 3],
  ])('of %s is %i', (query, depth) => {
    expect(measure(query).depth).toBe(depth)
  })
})

describe('aliases and repeated fields', () => {
  test.each([
    ['{ me { id name } users { total } }', 0],
    ['{ a: me { id } b: me { id } }', 2],
    ['{ me { id id id } }', 2],
    ['{ __typename ... { __typename } ... on Query { __typename } }', 2],
    ['{ ...F ...F ...F } fragment F on Query { me { id } }', 2],
    // As Relay writes them.
    ['{ me { ... on User { id } ... on Edge { id } } }', 0],
    ['{ me { ...F ...G } } fragment F on User { id name } fragment G on User { id name }', 0],
  ])('of %s are %i', (query, aliases) => {
    expect(measure(query).aliases).toBe(aliases)
  })
})

test('directives count in every position', () => {
  const query = `query ($n: Int @a) @a { me @a { ...F @a ... @a @a { id @a } } } fragment F on User @a { id @a }`
  expect(measure(query).directives).toBe(9)
})

test.each([
  ['{ me { id } }', false],
  ['{ __typename me { __typename } }', false],
  ['{ ...__schema } fragment __schema on Query { me { __type: id } }', false],
  ['{ __schema { description } }', true],
  ['{ a: __type(name: "User") { name } }', true],
  ['{ ... { ...__typename } } fragment __typename on Query { __schema { description } }', true],
  ['{ me { id } } fragment Unused on Query { __schema { description } }', true],
])('whether %s reads the schema is %s', (query, hasIntrospection) => {
  expect(measure(query).hasIntrospection).toBe(hasIntrospection)
})

describe('the work of measuring', () => {
  /** How often a field is looked up in the schema. */
  const lookUps = (query: string): number => {
    let count = 0
    const counting: Pick<GraphQLSchema, 'getField' | 'getRootType' | 'getType'> = {
      getRootType: (operation) => schema.getRootType(operation),
      getType: (name) => schema.getType(name),
      getField: (...place) => {
        count += 1
        return schema.getField(...place)
      },
    }
    // The object has every method of the schema that is used.
    measureDocument(counting as GraphQLSchema, parse(query), {})
    return count
  }

  const chain = (length: number, last: string): string[] =>
    Array.from({ length }, (_, i) =>
      i + 1 < length
        ? `fragment F${i} on User { a: me { ...F${i + 1} } b: me { ...F${i + 1} } }`
        : `fragment F${i} on User { ${last} }`,
    )

  test('is linear when fragments multiply, in any order of their definitions', () => {
    const fragments = chain(31, 'users(first: 2) { nodes { id } }')
    const forwards = `{ me { ...F0 } } ${fragments.join('\n')}`
    const backwards = `${fragments.toReversed().join('\n')} { me { ...F0 } }`
    expect(lookUps(forwards)).toBe(1 + 30 * 2 + 3)
    expect(lookUps(backwards)).toBe(1 + 30 * 2 + 3)
    expect(measure(forwards)).toEqual(measure(backwards))
    expect(measure(forwards).cost).toBeGreaterThan(2 ** 30)
  })

  test('ends when fragments contain themselves', () => {
    const query = '{ me { ...A } } fragment A on User { me { ...B } } fragment B on User { me { ...A } ...B }'
    expect(lookUps(query)).toBe(3)
  })
})

test('selections that would overflow the stack are rejected', () => {
  const length = 50_000
  const fragments = Array.from({ length }, (_, i) => `fragment F${i} on Query { ...F${i + 1} }`)
  expect(() => measure(`{ ...F0 } ${fragments.join('\n')}`)).toThrow('more than 2000 deep')
})

import { readFile } from 'node:fs/promises'
import {
  type IntrospectionField,
  type IntrospectionInputValue,
  type IntrospectionType,
  type IntrospectionTypeRef,
  introspectionFromSchema,
} from 'graphql'
import { describe, expect, test } from 'vitest'
import { printedSchema, schema } from '../../src/graphql/schema.ts'

const { types } = introspectionFromSchema(schema, { oneOf: true }).__schema
const ownTypes = types.filter(({ name }) => !name.startsWith('__'))
// The specification describes these.
const described = ownTypes.filter(({ name }) => !['Boolean', 'Float', 'ID', 'Int', 'String'].includes(name))

type Member = Pick<IntrospectionField, 'name' | 'description'>

function fieldsOf(type: IntrospectionType): readonly IntrospectionField[] {
  return type.kind === 'OBJECT' || type.kind === 'INTERFACE' ? type.fields : []
}

function inputsOf(type: IntrospectionType): readonly IntrospectionInputValue[] {
  return type.kind === 'INPUT_OBJECT' ? type.inputFields : []
}

/** All that a type is made of, by coordinate: fields, their arguments, input fields, enum values. */
function membersOf(type: IntrospectionType): [string, Member][] {
  return [
    ...fieldsOf(type).flatMap((field): [string, Member][] => [
      [`${type.name}.${field.name}`, field],
      ...field.args.map((arg): [string, Member] => [`${type.name}.${field.name}(${arg.name}:)`, arg]),
    ]),
    ...inputsOf(type).map((input): [string, Member] => [`${type.name}.${input.name}`, input]),
    ...(type.kind === 'ENUM' ? type.enumValues : []).map((value): [string, Member] => [
      `${type.name}.${value.name}`,
      value,
    ]),
  ]
}

/** A type as it is written: `[ReportRun!]!`. */
function written(type: IntrospectionTypeRef): string {
  if (type.kind === 'NON_NULL') return `${written(type.ofType)}!`
  return type.kind === 'LIST' ? `[${written(type.ofType)}]` : type.name
}

function canBeNull(type: IntrospectionTypeRef): boolean {
  return /(^|[^!])$|\w\]/.test(written(type))
}

function isSentence(text: string | null | undefined): boolean {
  return /^\S.*\w[`)"]?\.$/s.test(text ?? '')
}

function typeNamed(name: string): IntrospectionType {
  const type = ownTypes.find((known) => known.name === name)
  if (!type) throw new Error(`The schema has no type ${name}.`)
  return type
}

/** Names and types of the fields, or of the arguments: `{ cursor: 'String!' }`. */
function shape(members: readonly { name: string; type: IntrospectionTypeRef }[]): Record<string, string> {
  return Object.fromEntries(members.map(({ name, type }) => [name, written(type)]))
}

test('schema.graphql is what the code makes; `npm run schema` writes it', async () => {
  const file = await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8')
  expect(file).toBe(printedSchema())
})

describe('descriptions', () => {
  test('are sentences on every type, field, argument, input field and enum value', () => {
    const members = described.flatMap((type): [string, Member][] => [[type.name, type], ...membersOf(type)])
    expect(members.length).toBeGreaterThan(250)
    expect(
      members.flatMap(([name, { description }]) =>
        isSentence(description) ? [] : [`${name}: ${description}`],
      ),
    ).toEqual([])
  })

  test('say of every field that can be null when it is', () => {
    const nullable = described.flatMap((type) =>
      fieldsOf(type)
        .filter((field) => canBeNull(field.type))
        .map((field) => ({
          name: `${type.name}.${field.name}`,
          text: `${type.description} ${field.description}`,
        })),
    )
    expect(nullable.length).toBeGreaterThan(25)
    expect(nullable.filter(({ text }) => !/\b(null|nullable|absent|open)\b/i.test(text))).toEqual([])
  })

  test('say of every scalar where its form is defined', () => {
    // A cursor of the log is opaque, so its form is nobody's business.
    const scalars = described.flatMap((type) =>
      type.kind === 'SCALAR' && type.name !== 'EventCursor' ? [type] : [],
    )
    expect(scalars.map(({ name }) => name).toSorted()).toEqual([
      'BigInt',
      'DateTime',
      'Duration',
      'JSONObject',
      'URL',
    ])
    for (const { specifiedByURL } of scalars) expect(specifiedByURL).toMatch(/^https:\/\//)
  })
})

describe('the schema is one that Relay reads', () => {
  test('nodes are fetched again by id', () => {
    expect(shape(fieldsOf(typeNamed('Node')))).toEqual({ id: 'ID!' })
    const query = shape(fieldsOf(typeNamed('Query')))
    expect(query).toMatchObject({ node: 'Node', nodes: '[Node]!' })
    const nodes = ownTypes.flatMap((type) =>
      type.kind === 'OBJECT' && type.interfaces.some(({ name }) => name === 'Node') ? [type.name] : [],
    )
    expect(nodes.toSorted()).toEqual(['ApiKey', 'ReportFile', 'ReportRun', 'ReportSchedule', 'ReportType'])
    for (const name of nodes) expect(shape(fieldsOf(typeNamed(name))).id).toBe('ID!')
  })

  test('pages have edges, nodes and page information', () => {
    expect(shape(fieldsOf(typeNamed('PageInfo')))).toEqual({
      hasNextPage: 'Boolean!',
      hasPreviousPage: 'Boolean!',
      startCursor: 'String',
      endCursor: 'String',
    })
    const names = ownTypes.flatMap(({ name }) => /^(.+)Connection$/.exec(name)?.[1] ?? [])
    expect(names.toSorted()).toEqual(['ReportRun', 'ReportRunEvent', 'ReportSchedule', 'ReportType'])
    for (const name of names) {
      const isLog = name === 'ReportRunEvent'
      expect(shape(fieldsOf(typeNamed(`${name}Connection`)))).toMatchObject({
        edges: `[${name}Edge!]!`,
        nodes: `[${name}!]!`,
        pageInfo: 'PageInfo!',
        ...(isLog ? { eventCursor: 'EventCursor!' } : { totalCount: 'Int!' }),
      })
      const cursor = isLog ? 'EventCursor!' : 'String!'
      expect(shape(fieldsOf(typeNamed(`${name}Edge`)))).toEqual({ cursor, node: `${name}!` })
    }
  })

  test('every connection is paged in both directions, the event log forward', () => {
    const connections = ownTypes
      .flatMap(fieldsOf)
      .filter(({ type }) => /^\w+Connection!$/.test(written(type)))
    expect(connections.map(({ name }) => name).toSorted()).toEqual([
      'events',
      'reportRunEvents',
      'reportRuns',
      'reportSchedules',
      'reportTypes',
      'retries',
      'runs',
    ])
    for (const { args, type } of connections) {
      const given = shape(args)
      if (written(type) === 'ReportRunEventConnection!') {
        expect(given).toMatchObject({ first: 'Int', after: 'EventCursor' })
        expect(given).not.toHaveProperty('last')
        expect(given).not.toHaveProperty('before')
      } else {
        expect(given).toMatchObject({ first: 'Int', after: 'String', last: 'Int', before: 'String' })
      }
    }
  })
})

test('inputs of which exactly one field is given are @oneOf', () => {
  const oneOf = ownTypes.flatMap((type) => (type.kind === 'INPUT_OBJECT' && type.isOneOf ? [type] : []))
  expect(oneOf.map(({ name }) => name).toSorted()).toEqual([
    'IntervalInput',
    'ReportInput',
    'ReportRunScopeInput',
    'ReportTriggerInput',
  ])
  expect(printedSchema()).toContain('input ReportInput @oneOf {')
})

describe('every mutation', () => {
  const mutations = fieldsOf(typeNamed('Mutation')).map((field) => ({
    ...field,
    typeName: `${field.name[0]?.toUpperCase()}${field.name.slice(1)}`,
  }))

  /** How many fields, arguments and input fields have the type, in whatever list. */
  function usesOf(name: string): number {
    const used = ownTypes.flatMap((type) => [
      ...fieldsOf(type).flatMap((field) => [field, ...field.args]),
      ...inputsOf(type),
    ])
    return used.filter(({ type }) => written(type).replaceAll(/[[\]!]/g, '') === name).length
  }

  test.each(mutations)('$name has one argument, an input of its own', ({ typeName, args }) => {
    expect(shape(args)).toEqual({ input: `${typeName}Input!` })
    expect(usesOf(`${typeName}Input`)).toBe(1)
  })

  test.each(mutations)('$name has a payload of its own, which says what was wrong', ({ typeName, type }) => {
    // Nullable, so that a mutation that fails leaves its siblings their payloads.
    expect(written(type)).toBe(`${typeName}Payload`)
    expect(usesOf(`${typeName}Payload`)).toBe(1)
    expect(shape(fieldsOf(typeNamed(`${typeName}Payload`)))).toMatchObject({ userErrors: '[UserError!]!' })
  })

  test('is among those that are checked here', () => {
    expect(mutations.map(({ name }) => name).toSorted()).toEqual([
      'cancelReportRun',
      'createReportRun',
      'createReportSchedule',
      'deleteReportRun',
      'deleteReportSchedule',
      'retryReportRun',
      'updateReportRun',
      'updateReportSchedule',
    ])
  })
})

describe('the checks above', () => {
  test.each([
    ['A run.', true],
    ['Its `key`.', true],
    ['One a. Two b.', true],
    ['A run', false],
    ['', false],
    [null, false],
    [' .', false],
  ])('know whether %j is a sentence', (text, expected) => {
    expect(isSentence(text)).toBe(expected)
  })

  test.each<[IntrospectionTypeRef, boolean]>([
    [{ kind: 'SCALAR', name: 'Int' }, true],
    [{ kind: 'NON_NULL', ofType: { kind: 'SCALAR', name: 'Int' } }, false],
    [{ kind: 'NON_NULL', ofType: { kind: 'LIST', ofType: { kind: 'SCALAR', name: 'Int' } } }, true],
    [
      {
        kind: 'NON_NULL',
        ofType: { kind: 'LIST', ofType: { kind: 'NON_NULL', ofType: { kind: 'SCALAR', name: 'Int' } } },
      },
      false,
    ],
  ])('know whether %j can be null', (type, expected) => {
    expect(canBeNull(type)).toBe(expected)
  })
})

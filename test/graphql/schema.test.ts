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

/** The members of a type by coordinate: fields, arguments, input fields and enum values. */
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

/** A type as SDL: `[ReportRun!]!`. */
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

/** True for a text in which "null" is followed by a condition: "Null when the run has ended.", "is null until then". */
function statesNull(text: string | null | undefined): boolean {
  return /\bnull (when|while|until|unless|before|after|for|if)\b/i.test(text ?? '')
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

test('schema.graphql is up to date; `npm run schema` writes it', async () => {
  const file = await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8')
  expect(file).toBe(printedSchema())
})

describe('descriptions', () => {
  test('are sentences for every type, field, argument, input field and enum value', () => {
    const members = described.flatMap((type): [string, Member][] => [[type.name, type], ...membersOf(type)])
    expect(members.length).toBeGreaterThan(250)
    expect(
      members.flatMap(([name, { description }]) =>
        isSentence(description) ? [] : [`${name}: ${description}`],
      ),
    ).toEqual([])
  })

  test('state for every nullable field when it is null', () => {
    const nullable = described.flatMap((type) =>
      fieldsOf(type)
        .filter((field) => canBeNull(field.type))
        // One rule holds for all payloads, which the description of Mutation states.
        .map(({ name, description }) => ({
          name: `${type.name}.${name}`,
          text: type.name === 'Mutation' ? type.description : description,
        })),
    )
    expect(nullable.length).toBeGreaterThan(25)
    expect(nullable.filter(({ text }) => !statesNull(text))).toEqual([])
  })

  test('link every scalar to its specification', () => {
    // A cursor of the event log is opaque.
    const scalars = described.flatMap((type) =>
      type.kind === 'SCALAR' && type.name !== 'EventCursor' ? [type] : [],
    )
    expect(scalars.map(({ name }) => name).toSorted()).toEqual([
      'BigInt',
      'Currency',
      'DateTime',
      'Duration',
      'JSONObject',
      'TimeZone',
      'URL',
    ])
    for (const { specifiedByURL } of scalars) expect(specifiedByURL).toMatch(/^https:\/\//)
  })
})

describe('the schema follows the conventions of Relay', () => {
  test('an object can be fetched by its global ID', () => {
    expect(shape(fieldsOf(typeNamed('Node')))).toEqual({ id: 'ID!' })
    const query = shape(fieldsOf(typeNamed('Query')))
    expect(query).toMatchObject({ node: 'Node', nodes: '[Node]!' })
    const nodes = ownTypes.flatMap((type) =>
      type.kind === 'OBJECT' && type.interfaces.some(({ name }) => name === 'Node') ? [type.name] : [],
    )
    expect(nodes.toSorted()).toEqual(['ApiKey', 'ReportFile', 'ReportRun', 'ReportSchedule', 'ReportType'])
    for (const name of nodes) expect(shape(fieldsOf(typeNamed(name))).id).toBe('ID!')
  })

  test('connections have edges, nodes and page information', () => {
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

  test('every connection is paged in both directions, except the event log, which is paged forward', () => {
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

test('inputs that accept exactly one field are @oneOf', () => {
  const oneOf = ownTypes.flatMap((type) => (type.kind === 'INPUT_OBJECT' && type.isOneOf ? [type] : []))
  expect(oneOf.map(({ name }) => name).toSorted()).toEqual([
    'ReportInput',
    'ReportIntervalInput',
    'ReportRunScopeInput',
    'ReportTriggerInput',
    'ScheduledReportInput',
  ])
  expect(printedSchema()).toContain('input ReportInput @oneOf {')
})

describe('every mutation', () => {
  const mutations = fieldsOf(typeNamed('Mutation')).map((field) => ({
    ...field,
    typeName: `${field.name[0]?.toUpperCase()}${field.name.slice(1)}`,
  }))

  /** The number of fields, arguments and input fields that have the type, or a list of it. */
  function usesOf(name: string): number {
    const used = ownTypes.flatMap((type) => [
      ...fieldsOf(type).flatMap((field) => [field, ...field.args]),
      ...inputsOf(type),
    ])
    return used.filter(({ type }) => written(type).replaceAll(/[[\]!]/g, '') === name).length
  }

  test.each(mutations)('$name has one argument, of an input type that only it uses', ({ typeName, args }) => {
    expect(shape(args)).toEqual({ input: `${typeName}Input!` })
    expect(usesOf(`${typeName}Input`)).toBe(1)
  })

  test.each(mutations)(
    '$name has a payload type that only it uses, with user errors',
    ({ typeName, type }) => {
      // Nullable, so that a mutation that fails does not discard the payloads of its siblings.
      expect(written(type)).toBe(`${typeName}Payload`)
      expect(usesOf(`${typeName}Payload`)).toBe(1)
      expect(shape(fieldsOf(typeNamed(`${typeName}Payload`)))).toMatchObject({ userErrors: '[UserError!]!' })
    },
  )

  test('is checked here', () => {
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
  ])('recognize whether %j is a sentence', (text, expected) => {
    expect(isSentence(text)).toBe(expected)
  })

  test.each([
    ['The end. Null when it is unknown.', true],
    ['A payload is null when it fails.', true],
    ['The nullable end, when it is known.', false],
    ['The end when the run is open.', false],
    [null, false],
  ])('recognize whether %j states when a field is null', (text, expected) => {
    expect(statesNull(text)).toBe(expected)
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
  ])('recognize whether %j can be null', (type, expected) => {
    expect(canBeNull(type)).toBe(expected)
  })
})

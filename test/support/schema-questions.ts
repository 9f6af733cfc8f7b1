import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql'
import type { Variables } from './graphql-client.ts'

/** A kind of value that can belong to a tenant. The tests pass values of other tenants. */
export type Kind = 'id' | 'eventCursor' | 'listCursor' | 'tag' | 'idempotencyKey'

export type Question = {
  operation: 'query' | 'mutation' | 'subscription'
  /** Field and path of the argument, such as `reportRuns(filter.allTags)`. */
  name: string
  kind: Kind
  document: string
  /** Returns the variables that pass the value at the path. */
  variables(value: string): Variables
}

/** Values and selections that do not follow from the schema. */
export type Knowledge = {
  /** Values of other required arguments and fields, by type name. */
  required: Readonly<Record<string, unknown>>
  /** Optional fields to add to an input, by type name. */
  beside: Readonly<Record<string, Variables>>
  /** Query selections that reach an object, by type name. `FIELD` is the position of the field. */
  reach: Readonly<Record<string, string>>
}

const harmless = new Set('Int Float Boolean DateTime Duration JSONObject BigInt Currency TimeZone'.split(' '))
// Paths of texts that do not identify data of a tenant.
const plainTexts = new Set(['input.reason', 'name', 'filter.reportTypes', 'scope.filter.reportTypes'])
const tagFilters = /\.(all|any)Tags$/
const plainInputs = /^input\.(label|tags|trigger\.cron\.expression)$/

function unknownInput(what: string): Error {
  return new Error(`${what} Add it to test/support/schema-questions.ts, so that the tenancy tests cover it.`)
}

function kindOf(where: string, path: string, type: GraphQLNamedType): Kind | null {
  if (type.name === 'ID') return 'id'
  if (type.name === 'EventCursor') return 'eventCursor'
  if (isEnumType(type) || harmless.has(type.name)) return null
  if (type.name === 'String') {
    const last = path.split('.').at(-1)
    if (path === 'after' || path === 'before') return 'listCursor'
    if (last === 'idempotencyKey') return 'idempotencyKey'
    if (plainTexts.has(path) || plainInputs.test(path)) return null
    if (tagFilters.test(path)) return 'tag'
  }
  throw unknownInput(
    `${where} has the argument ${path} of type ${type.name}, for which there is no kind of value.`,
  )
}

type Input = GraphQLArgument | GraphQLInputField
type Position = { path: string; kind: Kind; write(value: string): unknown }

function requiredValue(where: string, knowledge: Knowledge, input: Input): unknown {
  const { name } = getNamedType(input.type)
  if (name in knowledge.required) return knowledge.required[name]
  throw unknownInput(`${where} needs ${input.name} of type ${name}, for which there is no value.`)
}

function positionsOf(where: string, knowledge: Knowledge, path: string, type: GraphQLInputType): Position[] {
  if (isNonNullType(type)) return positionsOf(where, knowledge, path, type.ofType)
  if (isListType(type)) {
    return positionsOf(where, knowledge, path, type.ofType).map(({ write, ...position }) => ({
      ...position,
      write: (value) => [write(value)],
    }))
  }
  if (!isInputObjectType(type)) {
    const kind = kindOf(where, path, type)
    return kind ? [{ path, kind, write: (value) => value }] : []
  }
  const fields = Object.values(type.getFields())
  // Its texts are report parameters, which must not identify data of a tenant.
  if (/^(Scheduled)?ReportInput$/.test(type.name)) return checkReportInput(where, type.getFields())
  return fields.flatMap((field) => {
    const positions = positionsOf(where, knowledge, `${path}.${field.name}`, field.type)
    if (positions.length === 0) return []
    const others = fields.filter((other) => other !== field && isRequiredInputField(other))
    const needed = Object.fromEntries(
      others.flatMap((other) =>
        other.defaultValue === undefined && other.default === undefined
          ? [[other.name, requiredValue(where, knowledge, other)]]
          : [],
      ),
    )
    return positions.map(({ write, ...position }) => ({
      ...position,
      write: (value: string) => ({ ...knowledge.beside[type.name], ...needed, [field.name]: write(value) }),
    }))
  })
}

function checkReportInput(where: string, fields: Readonly<Record<string, GraphQLInputField>>): Position[] {
  for (const field of Object.values(fields)) {
    const type = getNamedType(field.type)
    if (isInputObjectType(type)) checkReportInput(where, type.getFields())
    else if (type.name === 'ID' || type.name === 'EventCursor') {
      throw unknownInput(`${where} takes a report with ${field.name} of type ${type.name}.`)
    }
  }
  return []
}

/**
 * Selects every field of a type that needs no arguments, some levels deep.
 *
 * @param isPart true for a part of an abstract type: each field gets a unique alias, because equal field names of different
 * parts can have different types
 */
export function selectionOf(
  schema: GraphQLSchema,
  type: GraphQLNamedType,
  depth = 3,
  isPart = false,
): string {
  if (isAbstractType(type)) {
    const parts = schema
      .getPossibleTypes(type)
      .map((part) => `... on ${part.name} ${selectionOf(schema, part, depth, true)}`)
    return `{ __typename ${parts.join(' ')} }`
  }
  if (!isObjectType(type)) return ''
  const fields = Object.values(type.getFields()).flatMap((field) => {
    const fieldType = getNamedType(field.type)
    const isLeaf = !isObjectType(fieldType) && !isAbstractType(fieldType)
    if (field.args.some(isRequiredArgument)) {
      throw unknownInput(`${type.name}.${field.name} cannot be selected without arguments.`)
    }
    if (!isLeaf && depth === 0) return []
    const alias = isPart ? `${type.name}_${field.name}:` : ''
    return [`${alias}${field.name}${selectionOf(schema, fieldType, depth - 1)}`]
  })
  return `{ __typename ${fields.join(' ')} }`
}

type Asked = { operation: Question['operation']; prefix: string; wrap: string }

function questionsOf(
  schema: GraphQLSchema,
  knowledge: Knowledge,
  { operation, prefix, wrap }: Asked,
  field: GraphQLField<unknown, unknown>,
): Question[] {
  return field.args.flatMap((arg) => {
    const where = `${prefix}${field.name}`
    const positions = positionsOf(where, knowledge, arg.name, arg.type)
    const others = field.args.filter((other) => other !== arg && isRequiredArgument(other))
    const given = Object.fromEntries(
      others.map((other) => [other.name, requiredValue(where, knowledge, other)]),
    )
    const declared = [arg, ...others].map(({ name, type }) => `$${name}: ${type}`).join(', ')
    const passed = [arg, ...others].map(({ name }) => `${name}: $${name}`).join(', ')
    const selection = selectionOf(schema, getNamedType(field.type))
    const asked = wrap.replace('FIELD', `${field.name}(${passed}) ${selection}`)
    return positions.map(({ path, kind, write }) => ({
      operation,
      name: `${where}(${path})`,
      kind,
      document: `${operation} (${declared}) { ${asked} }`,
      variables: (value: string) => ({ ...given, [arg.name]: write(value) }),
    }))
  })
}

/**
 * Creates a question for every argument, of root fields and of object fields, that takes a value that can belong to a
 * tenant.
 *
 * @throws Error when the schema has an argument or type that this file does not know
 */
export function allQuestions(schema: GraphQLSchema, knowledge: Knowledge): Question[] {
  const roots = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const
  const ofRoots = roots.flatMap(([operation, type]) =>
    Object.values(type?.getFields() ?? {}).flatMap((field) =>
      questionsOf(schema, knowledge, { operation, prefix: '', wrap: 'FIELD' }, field),
    ),
  )
  const isRoot = (type: GraphQLNamedType): boolean => roots.some(([, root]) => root === type)
  const ofObjects = Object.values(schema.getTypeMap()).flatMap((type) => {
    if (!isObjectType(type) || isRoot(type) || type.name.startsWith('__')) return []
    return Object.values(type.getFields()).flatMap((field) => {
      if (field.args.length === 0) return []
      const wrap = knowledge.reach[type.name]
      if (wrap === undefined) {
        throw new Error(
          `${type.name}.${field.name} has arguments, but \`reach\` has no selection for ${type.name}. Add it to test/auth/tenancy.test.ts.`,
        )
      }
      return questionsOf(schema, knowledge, { operation: 'query', prefix: `${type.name}.`, wrap }, field)
    })
  })
  return [...ofRoots, ...ofObjects]
}

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

/** What a place in an argument takes that may belong to somebody: values of others are tried there. */
export type Kind = 'id' | 'eventCursor' | 'listCursor' | 'tag' | 'idempotencyKey'

export type Question = {
  operation: 'query' | 'mutation' | 'subscription'
  /** Field and place, such as `reportRuns(filter.allTags)`. */
  name: string
  kind: Kind
  document: string
  /** The variables that put the value into the place. */
  variables(value: string): Variables
}

/** What a test knows of the schema that the schema itself does not say. */
export type Knowledge = {
  /** Values for what has to be given beside the place, by the name of its type. */
  required: Readonly<Record<string, unknown>>
  /** What an input holds beside the place, although it need not, by the name of its type. */
  beside: Readonly<Record<string, Variables>>
  /** Selections that lead from a query to an object of the type, around the field at `FIELD`. */
  reach: Readonly<Record<string, string>>
}

const harmless = new Set('Int Float Boolean DateTime Duration JSONObject BigInt Currency TimeZone'.split(' '))
// Texts that name nothing that belongs to anybody, by their place below the argument.
const plainTexts = new Set(['input.reason', 'name', 'filter.reportTypes', 'scope.filter.reportTypes'])
const tagFilters = /\.(all|any)Tags$/
const plainInputs = /^input\.(label|tags|trigger\.cron\.expression)$/

function teach(what: string): Error {
  return new Error(
    `${what} Teach test/schema-questions.ts what others could give there, so that tenancy is tested.`,
  )
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
  throw teach(`${where} has the argument ${path} of type ${type.name}, which no test knows how to fill.`)
}

type Input = GraphQLArgument | GraphQLInputField
type Place = { path: string; kind: Kind; write(value: string): unknown }

function requiredValue(where: string, knowledge: Knowledge, input: Input): unknown {
  const { name } = getNamedType(input.type)
  if (name in knowledge.required) return knowledge.required[name]
  throw teach(`${where} needs ${input.name} of type ${name}, for which no test has a value.`)
}

function placesOf(where: string, knowledge: Knowledge, path: string, type: GraphQLInputType): Place[] {
  if (isNonNullType(type)) return placesOf(where, knowledge, path, type.ofType)
  if (isListType(type)) {
    return placesOf(where, knowledge, path, type.ofType).map(({ write, ...place }) => ({
      ...place,
      write: (value) => [write(value)],
    }))
  }
  if (!isInputObjectType(type)) {
    const kind = kindOf(where, path, type)
    return kind ? [{ path, kind, write: (value) => value }] : []
  }
  const fields = Object.values(type.getFields())
  // Its texts are parameters of reports; nothing of it may name what belongs to somebody.
  if (/^(Scheduled)?ReportInput$/.test(type.name)) return checkReportInput(where, type.getFields())
  return fields.flatMap((field) => {
    const places = placesOf(where, knowledge, `${path}.${field.name}`, field.type)
    if (places.length === 0) return []
    const others = fields.filter((other) => other !== field && isRequiredInputField(other))
    const needed = Object.fromEntries(
      others.flatMap((other) =>
        other.defaultValue === undefined && other.default === undefined
          ? [[other.name, requiredValue(where, knowledge, other)]]
          : [],
      ),
    )
    return places.map(({ write, ...place }) => ({
      ...place,
      write: (value: string) => ({ ...knowledge.beside[type.name], ...needed, [field.name]: write(value) }),
    }))
  })
}

function checkReportInput(where: string, fields: Readonly<Record<string, GraphQLInputField>>): Place[] {
  for (const field of Object.values(fields)) {
    const type = getNamedType(field.type)
    if (isInputObjectType(type)) checkReportInput(where, type.getFields())
    else if (type.name === 'ID' || type.name === 'EventCursor') {
      throw teach(`${where} takes a report with ${field.name} of type ${type.name}.`)
    }
  }
  return []
}

/**
 * Every field of a type that has a value without arguments, some levels deep.
 *
 * @param isPart of an abstract type: each field has a name of its own, since another part may have one of another type
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
      throw teach(`${type.name}.${field.name} cannot be selected without arguments.`)
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
    const places = placesOf(where, knowledge, arg.name, arg.type)
    const others = field.args.filter((other) => other !== arg && isRequiredArgument(other))
    const given = Object.fromEntries(
      others.map((other) => [other.name, requiredValue(where, knowledge, other)]),
    )
    const declared = [arg, ...others].map(({ name, type }) => `$${name}: ${type}`).join(', ')
    const passed = [arg, ...others].map(({ name }) => `${name}: $${name}`).join(', ')
    const selection = selectionOf(schema, getNamedType(field.type))
    const asked = wrap.replace('FIELD', `${field.name}(${passed}) ${selection}`)
    return places.map(({ path, kind, write }) => ({
      operation,
      name: `${where}(${path})`,
      kind,
      document: `${operation} (${declared}) { ${asked} }`,
      variables: (value: string) => ({ ...given, [arg.name]: write(value) }),
    }))
  })
}

/**
 * A question for every place of every argument, of root fields and of fields of objects, that takes what may belong to
 * somebody.
 *
 * @throws when the schema has something that is not known here
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
        throw teach(`${type.name}.${field.name} has arguments, and no test knows a way to a ${type.name}.`)
      }
      return questionsOf(schema, knowledge, { operation: 'query', prefix: `${type.name}.`, wrap }, field)
    })
  })
  return [...ofRoots, ...ofObjects]
}

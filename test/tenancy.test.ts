import {
  buildClientSchema,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getIntrospectionQuery,
  getNamedType,
  type IntrospectionQuery,
  isAbstractType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { idPrefixes, newId } from '../src/ids.ts'
import { startTestGateway, type TestAccount, type TestGateway } from './gateway.ts'
import type { GraphqlResult, Variables } from './graphql-client.ts'
import { insertRun } from './insert-run.ts'
import { listPage, orderFields } from './run-list.ts'
import { createSlowRun, endOf, slowReport } from './slow-report.ts'

type Owned = { account: TestAccount; ids: { run: string; waiting: string; file: string; key: string } }

let gateway: TestGateway
let schema: GraphQLSchema
let own: Owned
/** What the asking viewer must not see: of another account, and of its own in the other mode. */
let foreign: Owned[]

const makeOwned = async (options: { livemode: boolean; accountId?: string }): Promise<Owned> => {
  const account = await gateway.createAccount(options)
  const end = await endOf(account.client, await createSlowRun(account.client))
  const { id: waiting } = await insertRun(gateway.prisma, account, { reportType: slowReport.name })
  const file = end.result?.files[0]?.id ?? ''
  return { account, ids: { run: end.id, waiting, file, key: account.apiKeyId } }
}

beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [slowReport] })
  own = await makeOwned({ livemode: false })
  foreign = await Promise.all([
    makeOwned({ livemode: true, accountId: own.account.accountId }),
    makeOwned({ livemode: false }),
    makeOwned({ livemode: true }),
  ])
  const introspection = await own.account.client.request<IntrospectionQuery>(getIntrospectionQuery())
  schema = buildClientSchema(introspection)
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** Every field that has a value without arguments, three levels deep. */
const selectionOf = (type: GraphQLNamedType, depth = 3): string => {
  if (isAbstractType(type)) {
    const parts = schema
      .getPossibleTypes(type)
      .map((part) => `... on ${part.name} ${selectionOf(part, depth)}`)
    return `{ __typename ${parts.join(' ')} }`
  }
  if (!isObjectType(type)) return ''
  const fields = Object.values(type.getFields()).flatMap((field, i) => {
    const fieldType = getNamedType(field.type)
    const isLeaf = !isObjectType(fieldType) && !isAbstractType(fieldType)
    if (field.args.some(isRequiredArgument) || (!isLeaf && depth === 0)) return []
    // An alias of its own: members of a union may have fields of one name and different types.
    return [`${type.name}_${i}: ${field.name} ${selectionOf(fieldType, depth - 1)}`]
  })
  return `{ __typename ${fields.join(' ')} }`
}

type Place = { name: string; write: (id: string) => unknown }

/** The places in an argument that take an id, each with a way to write an argument with the id there. */
const placesOfId = (
  input: GraphQLArgument | GraphQLInputField,
  type: GraphQLInputType = input.type,
): Place[] => {
  if (isNonNullType(type)) return placesOfId(input, type.ofType)
  if (isListType(type)) {
    return placesOfId(input, type.ofType).map(({ name, write }) => ({ name, write: (id) => [write(id)] }))
  }
  if (type.name === 'ID') return [{ name: input.name, write: (id) => id }]
  if (!isInputObjectType(type)) return []
  return Object.values(type.getFields()).flatMap((field) =>
    placesOfId(field).map(({ name, write }) => ({
      name: `${input.name}.${name}`,
      write: (id: string) => ({ [field.name]: write(id) }),
    })),
  )
}

type Question = { kind: string; name: string; document: string; variables: (id: string) => Variables }

const questionsOf = (kind: string, field: GraphQLField<unknown, unknown>): Question[] =>
  field.args.flatMap((arg) => {
    const places = placesOfId(arg)
    const others = field.args.filter((other) => other !== arg && isRequiredArgument(other))
    if (places.length > 0 && others.length > 0) {
      throw new Error(
        `${field.name} needs ${others.map(({ name }) => name).join(', ')} as well: teach this test.`,
      )
    }
    const result: GraphQLOutputType = field.type
    const document = `${kind} ($value: ${arg.type}) { ${field.name}(${arg.name}: $value) ${selectionOf(getNamedType(result))} }`
    return places.map(({ name, write }) => ({
      kind,
      name: `${field.name}(${name})`,
      document,
      variables: (id: string) => ({ value: write(id) }),
    }))
  })

const questions = (): Question[] =>
  [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) =>
    Object.values(type?.getFields() ?? {}).flatMap((field) =>
      questionsOf(type?.name.toLowerCase() ?? '', field),
    ),
  )

/** The answer as text; the first one of a subscription. The id that was asked for is blotted out. */
const ask = async (
  { kind, document, variables }: Question,
  { client }: TestAccount,
  id: string,
): Promise<string> => {
  let answer: GraphqlResult<unknown> | undefined
  if (kind === 'subscription') {
    for await (const state of client.subscribeSse(document, variables(id))) {
      answer = state
      break
    }
  } else {
    answer = await client.execute(document, variables(id))
  }
  return JSON.stringify(answer).replaceAll(id, 'ID')
}

const absent = {
  run: newId(idPrefixes.reportRun, new Date()),
  waiting: newId(idPrefixes.reportRun, new Date()),
  file: newId(idPrefixes.file, new Date()),
  key: newId(idPrefixes.apiKey, new Date()),
}
const kinds = ['run', 'waiting', 'file', 'key'] as const

test('the schema has the fields that take ids', () => {
  const names = questions().map(({ kind, name }) => `${kind} ${name}`)
  expect(names).toEqual(
    expect.arrayContaining([
      'query node(id)',
      'query nodes(ids)',
      'query reportRun(id)',
      'query reportRuns(filter.requestedBy)',
      'mutation cancelReportRun(id)',
      'subscription reportRun(id)',
    ]),
  )
})

test('whatever takes an id answers for those of others as for those that do not exist', async () => {
  const before = await gateway.prisma.reportRun.findMany({ orderBy: { id: 'asc' } })
  for (const question of questions()) {
    for (const kind of kinds) {
      const expected = await ask(question, own.account, absent[kind])
      for (const { ids } of foreign) {
        expect(await ask(question, own.account, ids[kind]), `${question.name} with a foreign ${kind}`).toBe(
          expected,
        )
      }
    }
  }
  expect(await gateway.prisma.reportRun.findMany({ orderBy: { id: 'asc' } })).toEqual(before)
})

test('the same questions with ids of its own are answered, so the test above asks something', async () => {
  for (const question of questions()) {
    const answers = await Promise.all(
      kinds.map(async (kind) => [
        await ask(question, own.account, own.ids[kind]),
        await ask(question, own.account, absent[kind]),
      ]),
    )
    expect(
      answers.some(([found, missing]) => found !== missing),
      question.name,
    ).toBe(true)
  }
})

describe('lists', () => {
  test('hold no runs of others, on any page and in any order, also after their cursors', async () => {
    const { client } = own.account
    const mine = [own.ids.run, own.ids.waiting]
    for (const field of orderFields) {
      for (const direction of ['ASC', 'DESC'] as const) {
        const order = { field, direction }
        const seen = await listPage(client, { first: 100 }, {}, order)
        expect(seen.edges.map(({ node }) => node.id).sort()).toEqual(mine.toSorted())
        for (const { account } of foreign) {
          const theirs = await listPage(account.client, { first: 100 }, {}, order)
          for (const { cursor } of theirs.edges) {
            const after = await listPage(client, { first: 100, after: cursor }, {}, order)
            const before = await listPage(client, { last: 100, before: cursor }, {}, order)
            const met = [...before.edges, ...after.edges].map(({ node }) => node.id)
            expect(met).toEqual(seen.edges.map(({ node }) => node.id))
          }
        }
      }
    }
  })

  test('count no runs of others, whatever the filter', async () => {
    const requestedBy = foreign.map(({ ids }) => ids.key)
    const count = async (filter: object): Promise<number> => {
      const { reportRuns } = await own.account.client.request<{ reportRuns: { totalCount: number } }>(
        'query ($filter: ReportRunFilter) { reportRuns(filter: $filter) { totalCount } }',
        { filter },
      )
      return reportRuns.totalCount
    }
    expect(await count({})).toBe(2)
    expect(await count({ reportType: [slowReport.name] })).toBe(2)
    expect(await count({ requestedBy })).toBe(0)
    expect(await count({ requestedBy: [...requestedBy, own.ids.key] })).toBe(2)
  })
})

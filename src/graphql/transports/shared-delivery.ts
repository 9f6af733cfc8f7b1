import { execute } from '@graphql-tools/executor'
import {
  type DocumentNode,
  type GraphQLResolveInfo,
  Kind,
  type OperationDefinitionNode,
  visit,
} from 'graphql'
import { onBehalfOf } from '../../request-context.ts'
import type { Delivery, Message, Render } from '../../runs/follow/delivery.ts'
import { type Tenant, tenantKey, tenantOf, type Viewer } from '../../tenant.ts'
import { type Context, requireViewer } from '../context.ts'
import { createErrorMask, formatError } from '../errors.ts'

/** How long a message is sent again for the same value: it can contain the time, and links that expire. */
const maxAgeMilliseconds = 500

/**
 * How the values of a subscription become messages that it shares with equal subscriptions; null when it must execute them
 * alone.
 *
 * A result depends on the document, its variables, the account and the mode, all of which are part of the group. It does not
 * depend on the API key: the context of shared executions has none. The cursor to start after concerns only which values a
 * subscription sends.
 *
 * @param cursorOf the cursor to resume after a value; null when it has none
 */
export function sharedDelivery<Value extends object>(
  context: Context,
  info: GraphQLResolveInfo,
  cursorOf: (value: Value) => string | null,
): Delivery<Value> | null {
  const { sink, sharesEvents, variables } = context
  if (!sink || !sharesEvents) return null
  const operation = identify(info)
  const { [operation.start]: _start, ...others } = variables
  return {
    group: `${operation.id} ${tenantKey(requireViewer(context))} ${JSON.stringify(others)}`,
    sink,
    createRender: (signal) => createRender(context, info, cursorOf, signal),
  }
}

type Identity = {
  id: number
  /** The name of the variable that only `after` of the subscription uses; empty when there is none. */
  start: string
}

/** By operation: equal texts are parsed once, so they have the same node. */
const identities = new WeakMap<OperationDefinitionNode, Identity>()
let lastId = 0

function identify(info: GraphQLResolveInfo): Identity {
  const known = identities.get(info.operation)
  if (known) return known
  const identity = { id: ++lastId, start: startVariable(info) }
  identities.set(info.operation, identity)
  return identity
}

function startVariable(info: GraphQLResolveInfo): string {
  const [field] = info.operation.selectionSet.selections
  const after =
    field?.kind === Kind.FIELD ? field.arguments?.find(({ name }) => name.value === 'after') : null
  if (after?.value.kind !== Kind.VARIABLE) return ''
  const { value } = after.value.name
  let uses = 0
  visit(documentOf(info), {
    Variable: ({ name }) => {
      if (name.value === value) uses++
    },
  })
  // The definition of the variable is one of them.
  return uses === 2 ? value : ''
}

function documentOf({ operation, fragments }: GraphQLResolveInfo): DocumentNode {
  return { kind: Kind.DOCUMENT, definitions: [operation, ...Object.values(fragments)] }
}

/** Creates the function that executes the operation for a value and serializes the result, once for the whole group. */
function createRender<Value extends object>(
  context: Context,
  info: GraphQLResolveInfo,
  cursorOf: (value: Value) => string | null,
  gone: AbortSignal,
): Render<Value> {
  const tenant = tenantOf(requireViewer(context))
  const mask = createErrorMask(context.logger)
  const operation = {
    schema: info.schema,
    document: documentOf(info),
    variableValues: context.variables,
    contextValue: { ...context, gone, viewer: anyKeyOf(tenant), delivered: { eventCursor: null } },
  }
  const make = async (value: Value): Promise<Message> => {
    // The executor of Yoga, which executes the subscriptions that share nothing.
    const result = await onBehalfOf(tenant, () => execute({ ...operation, rootValue: value }))
    if (!('data' in result)) throw new Error('An event has a result without data.')
    const { errors, data } = result
    if (!errors) return { text: JSON.stringify({ data }), eventCursor: cursorOf(value) }
    // After an error, a client resumes before the event.
    const formatted = errors.map((error) => formatError(mask(error)))
    return { text: JSON.stringify({ errors: formatted, data }), eventCursor: null }
  }
  const recent = new WeakMap<Value, { message: Promise<Message>; at: number }>()
  return (value) => {
    const known = recent.get(value)
    const at = performance.now()
    if (known && at - known.at < maxAgeMilliseconds) return known.message
    const message = make(value)
    recent.set(value, { message, at })
    return message
  }
}

/** The viewer of an execution for all keys of an account. A field that depends on the key must not be shared. */
function anyKeyOf(tenant: Tenant): Viewer {
  return {
    ...tenant,
    get apiKeyId(): never {
      throw new Error('A message for many subscriptions depends on the API key of one.')
    },
  }
}

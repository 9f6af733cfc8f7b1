import { getVariableValues, normalizedExecutor } from '@graphql-tools/executor'
import {
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLObjectType,
  getOperationAST,
  Kind,
  locatedError,
  type OperationDefinitionNode,
} from 'graphql'
import { type CompiledOperation, compileOperation, type Fragments } from './compile-operation.ts'
import type { Execution, VariableValues } from './compiled-field.ts'
import { executeSelection, executeSerially, isPromise } from './execute-selection.ts'

/** Executes a query or a mutation. */
export type Execute = (args: ExecutionArgs) => Result | Promise<Result>

type Data = Record<string, unknown>
type Result = ExecutionResult<Data>

/** Larger operations are compiled again each time, so that those of a cache take little memory. */
const maxKeptSize = 300

/** The maximum number of errors about variables, that of the ordinary executor. */
const maxVariableErrors = 50

/**
 * Creates an executor that keeps for each document what is the same in all executions of an operation: less than half of
 * the ordinary execution of a list remains. The result is the same. The ordinary executor executes everything that is not a
 * valid query or mutation.
 */
export function createCompiledExecutor(): Execute {
  const operations = new WeakMap<OperationDefinitionNode, CompiledOperation>()
  return (args) => {
    const execution = startExecution(args)
    if (!execution) return executeOrdinarily(args)
    const { schema, operation, fragments, rootType, errors } = execution
    const compiled = operations.get(operation) ?? compileOperation(schema, fragments, operation)
    const end = (data: Data | null): Result => {
      if (compiled.size() <= maxKeptSize) operations.set(operation, compiled)
      else operations.delete(operation)
      return errors.length === 0 ? { data } : { errors, data }
    }
    const fail = (error: unknown): Result => {
      errors.push(locatedError(error, operation))
      return end(null)
    }
    try {
      const data = executeRoot(compiled, execution, rootType)
      return isPromise(data) ? data.then(end, fail) : end(data)
    } catch (error) {
      return fail(error)
    }
  }
}

/** Executes a query or a mutation by the executor of Yoga. */
export function executeOrdinarily(args: ExecutionArgs): Result | Promise<Result> {
  // A cast, because the result is a stream only for a subscription.
  return normalizedExecutor(args) as Result | Promise<Result>
}

function executeRoot(
  compiled: CompiledOperation,
  execution: Execution,
  rootType: GraphQLObjectType,
): Data | Promise<Data> {
  const selection = compiled.select(rootType, execution.variableValues)
  return execution.operation.operation === 'mutation'
    ? executeSerially(execution, selection)
    : executeSelection(execution, selection, undefined, undefined)
}

/** Null when there is no query or mutation, or its variables are not valid. */
function startExecution(args: ExecutionArgs): (Execution & { rootType: GraphQLObjectType }) | null {
  const { schema, document, operationName, contextValue, hideSuggestions } = args
  const operation = getOperationAST(document, operationName)
  const rootType = operation && schema.getRootType(operation.operation)
  if (!rootType || operation.operation === 'subscription') return null
  const definitions = operation.variableDefinitions ?? []
  const options = { maxErrors: maxVariableErrors, hideSuggestions: hideSuggestions ?? false }
  const variables = getVariableValues(schema, definitions, { ...args.variableValues }, options)
  if (!variables.variableValues) return null
  // A cast, because the executor declares the type of an earlier version of graphql.
  const variableValues = variables.variableValues as VariableValues
  const fragments = fragmentsOf(document)
  return { schema, operation, fragments, rootType, contextValue, variableValues, errors: [], args: [] }
}

function fragmentsOf({ definitions }: ExecutionArgs['document']): Fragments {
  const fragments: Fragments = Object.create(null)
  for (const node of definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments[node.name.value] = node
  }
  return fragments
}

import { type DocumentNode, GraphQLError, type GraphQLSchema, validate } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { errorsOf } from '../errors.ts'

/** The maximum number of errors in a response. */
const maxShownErrors = 3
/** The number of errors after which validation stops: most later errors follow from the first. */
const maxValidationErrors = 10

export type ErrorLimit = ReturnType<typeof createErrorLimit>

/**
 * Creates the function that limits the number of errors of a result without data: it has an error for each invalid value in a
 * list or an object.
 *
 * @param suggestions true to suggest names that are similar to a wrong name, which reveals the schema
 */
export function createErrorLimit(suggestions: boolean) {
  const shown = (errors: readonly GraphQLError[]): readonly GraphQLError[] =>
    suggestions ? firstErrors(errors) : firstErrors(errors.map(withoutSuggestion))
  return {
    hideSuggestions: !suggestions,
    shown,
    shorten: <Result>(result: Result): Result | { errors: readonly GraphQLError[] } => {
      const errors = errorsOf(result)
      const hasData = result instanceof Object && 'data' in result
      return errors.length > 0 && !hasData ? { errors: shown(errors) } : result
    },
  }
}

/** Limits the number of errors in the response to an invalid document or invalid variables. */
export function limitErrors({ hideSuggestions, shown, shorten }: ErrorLimit): Plugin {
  const options = { maxValidationErrors, hideSuggestions }
  // The type of the arguments lacks this option, which the executor reads.
  const hide = (args: object): void => {
    Object.assign(args, { hideSuggestions })
  }
  return {
    onValidate: ({ setValidationFn }) =>
      setValidationFn((schema: GraphQLSchema, document: DocumentNode) =>
        shown(validate(schema, document, undefined, options)),
      ),
    // The values of variables are validated only when the operation is executed.
    onExecute: ({ args }) => {
      hide(args)
      return { onExecuteDone: ({ result, setResult }) => setResult(shorten(result)) }
    },
    onSubscribe: ({ args }) => {
      hide(args)
      return { onSubscribeResult: ({ result, setResult }) => setResult(shorten(result)) }
    },
  }
}

/** The first errors with different messages: an unknown directive that occurs ten times is one error. */
function firstErrors(errors: readonly GraphQLError[]): readonly GraphQLError[] {
  const messages = new Set<string>()
  const isNew = ({ message }: GraphQLError): boolean =>
    !messages.has(message) && Boolean(messages.add(message))
  // The error after the last one only states that validation has stopped.
  return errors.slice(0, maxValidationErrors).filter(isNew).slice(0, maxShownErrors)
}

/** The same error without the suggestion at its end. Some rules of GraphQL suggest regardless of `hideSuggestions`. */
function withoutSuggestion(error: GraphQLError): GraphQLError {
  const message = error.message.replace(/ Did you mean .+\?$/s, '')
  if (message === error.message) return error
  const { nodes, source, positions, path, extensions, originalError } = error
  return new GraphQLError(message, { nodes, source, positions, path, extensions, originalError })
}

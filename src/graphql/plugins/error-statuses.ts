import type { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { topLevelCodes } from '../../error-codes.ts'
import { errorsOf } from '../errors.ts'
import { isTopLevelCode } from '../library-errors.ts'

/**
 * Sets the HTTP status of a response with errors from the table of codes. A response with data has status 200: GraphQL over
 * HTTP requires that of a partial result. Any other response has the highest status of its errors.
 *
 * @param mask masks the errors that Yoga does not mask, which are those of validation
 */
export function setErrorStatuses(mask: (error: unknown) => GraphQLError): Plugin {
  return {
    onResultProcess: ({ result, setResult }) => {
      if (errorsOf(result).length > 0) setResult(withStatuses(result, mask))
    },
  }
}

/** A result whose errors have the HTTP statuses of their codes. */
export function withStatuses<Result extends object>(
  result: Result,
  mask: (error: unknown) => GraphQLError,
): Result & { errors: GraphQLError[] } {
  const hasData = 'data' in result && result.data != null
  return { ...result, errors: errorsOf(result).map((error) => withStatus(mask(error), hasData)) }
}

/** Sets the status of an error that the mask has just created. */
function withStatus(error: GraphQLError, hasData: boolean): GraphQLError {
  const { code, http: { headers, status: given } = {} } = error.extensions
  if (!isTopLevelCode(code)) return error
  const statuses: readonly number[] = topLevelCodes[code].statuses
  const status = statuses.find((status) => status === given) ?? statuses[0]
  error.extensions.http = {
    ...(headers && { headers }),
    // Yoga ignores the status with `spec` when it responds as `application/json` or as an event stream.
    ...(!hasData && status && { status, spec: statuses.includes(200) }),
  }
  return error
}

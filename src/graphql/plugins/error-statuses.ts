import type { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { topLevelCodes } from '../../error-codes.ts'
import { errorsOf } from '../errors.ts'
import { isTopLevelCode } from '../library-errors.ts'

/**
 * Sets the HTTP status of a response with errors from the table of codes. A response with data has status 200: GraphQL over
 * HTTP requires that of a partial result. Any other response has the highest status of its errors.
 *
 * When every root field failed with an error that has Retry-After, the response has no data. Root fields of mutations are
 * nullable, so its data would consist of nulls, and with status 200 neither proxies nor libraries would try again.
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

/** A result whose errors have the HTTP statuses of their codes, without its data when every root field must be repeated. */
export function withStatuses<Result extends object>(
  result: Result,
  mask: (error: unknown) => GraphQLError,
): Result & { errors: GraphQLError[] } {
  const errors = errorsOf(result).map(mask)
  const data = 'data' in result && typeof result.data === 'object' ? result.data : null
  const hasData = data !== null && !mustBeRepeated(data, errors)
  return {
    ...result,
    ...(data !== null && !hasData && { data: null }),
    errors: errors.map((error) => withStatus(error, hasData)),
  }
}

/** True when every root field failed with an error that has Retry-After. */
function mustBeRepeated(data: object, errors: readonly GraphQLError[]): boolean {
  const passing = errors.filter(({ extensions }) => extensions.http?.headers?.['Retry-After'])
  const failed = new Set(passing.map(({ path }) => path?.[0]))
  return Object.entries(data).every(([field, value]) => value === null && failed.has(field))
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

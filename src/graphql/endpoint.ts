// Without imports, so that a worker knows the endpoint without loading GraphQL.

export const graphqlEndpoint = '/graphql'

/** True for a browser that opens the endpoint as a page. */
export function wantsPage(method: string | undefined, accept: string | null | undefined): boolean {
  return method === 'GET' && /\btext\/html\b/i.test(accept ?? '')
}

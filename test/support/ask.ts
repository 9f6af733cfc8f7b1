import type { TestAccount } from './gateway.ts'

/** The answer to a request, as a client that decides whether to retry sees it. */
export type Answer = {
  status: number
  code: unknown
  message: string | undefined
  retryAfter: string | null
}

/** Sends a request once. */
export async function ask(url: string, { key }: TestAccount, query: string): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    // Less than the 30 seconds of a statement, for which no client must wait.
    signal: AbortSignal.timeout(25_000),
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  const { errors }: { errors?: { message: string; extensions?: { code?: string } }[] } = await response.json()
  return {
    status: response.status,
    code: errors?.[0]?.extensions?.code,
    message: errors?.[0]?.message,
    retryAfter: response.headers.get('retry-after'),
  }
}

/** True when the gateway asks for traffic. */
export async function isReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/ready`)).status === 200
}

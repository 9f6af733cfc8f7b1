import { isDeepStrictEqual } from 'node:util'

export type Question = { url: string; key: string; body: string }

/**
 * Asks each side once and compares the answers as JSON. Instants count as equal in any of the forms of ISO 8601, and cursors
 * are left out, since each side has its own.
 *
 * @throws Error with both answers when they differ, or an answer has errors
 */
export async function checkEqualAnswers(sides: ReadonlyMap<string, Question>): Promise<void> {
  let first: { name: string; answer: unknown } | undefined
  for (const [name, question] of sides) {
    const answer = comparable(await ask(question))
    first ??= { name, answer }
    if (isDeepStrictEqual(answer, first.answer)) continue
    throw new Error(
      `${name} answers ${JSON.stringify(answer).slice(0, 2_000)}\nbut ${first.name} answers ${JSON.stringify(first.answer).slice(0, 2_000)}`,
    )
  }
}

/** Sends one request and gives `data`. @throws Error when the answer has errors or no data */
export async function ask({ url, key, body }: Question): Promise<unknown> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body,
  })
  const answer: { data?: unknown; errors?: unknown } = await response.json()
  if (answer.errors || !answer.data)
    throw new Error(`${url} answers ${JSON.stringify(answer).slice(0, 2_000)}`)
  return answer.data
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/

function comparable(value: unknown): unknown {
  if (typeof value === 'string') return instant.test(value) ? new Date(value).toISOString() : value
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !/cursor$/i.test(name))
      .map(([name, part]) => [name, comparable(part)]),
  )
}

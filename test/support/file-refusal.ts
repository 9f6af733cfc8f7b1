import { expect } from 'vitest'

/** Without the date, which is another one each time. */
export function headersOf({ headers }: Response): Record<string, string> {
  const { date: _date, ...rest } = Object.fromEntries(headers)
  return rest
}

/** A refusal has a sentence for people, and nothing that makes a browser store it as the file. */
export async function expectRefusal(
  response: Response,
  status: number,
  sentence: string | RegExp,
): Promise<void> {
  expect(response.status).toBe(status)
  const headers = headersOf(response)
  expect(headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
  for (const name of ['content-disposition', 'etag', 'last-modified'])
    expect(headers).not.toHaveProperty(name)
  expect(await response.text()).toMatch(sentence)
}

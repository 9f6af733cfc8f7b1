import { expect } from 'vitest'

/** Returns the headers without the date, which differs each time. */
export function headersOf({ headers }: Response): Record<string, string> {
  const { date: _date, ...rest } = Object.fromEntries(headers)
  return rest
}

/** Expects an error with a plain text message, and no header that makes a browser save it as the file. */
export async function expectRefusal(
  response: Response,
  status: number,
  message: string | RegExp,
): Promise<void> {
  expect(response.status).toBe(status)
  const headers = headersOf(response)
  expect(headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
  for (const name of ['content-disposition', 'etag', 'last-modified'])
    expect(headers).not.toHaveProperty(name)
  expect(await response.text()).toMatch(message)
}

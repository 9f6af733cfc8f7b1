import pg from 'pg'
import { vi } from 'vitest'

export type SentStatement = {
  text: string
  values: readonly unknown[]
  /** The name that its connection goes by. */
  application: string
}

/** Notes every statement that this process sends to Postgres from now on, by whatever pool. */
export function noteStatements(): Disposable & { statements(): SentStatement[]; forget(): void } {
  // Prisma and pg-boss, too, send theirs through this method.
  const query = vi.spyOn(pg.Client.prototype, 'query')
  return {
    statements: () =>
      query.mock.calls.map(([first, second]: unknown[], index) => {
        const { text = '', values = second } = typeof first === 'string' ? { text: first } : Object(first)
        // The types leave out what a client was made with.
        const client: { connectionParameters?: { application_name?: string } } = Object(
          query.mock.contexts[index],
        )
        const application = client.connectionParameters?.application_name ?? ''
        return { text: String(text), values: Array.isArray(values) ? values : [], application }
      }),
    forget: () => void query.mockClear(),
    [Symbol.dispose]: () => query.mockRestore(),
  }
}

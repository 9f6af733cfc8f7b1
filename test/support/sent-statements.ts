import pg from 'pg'
import { vi } from 'vitest'

export type SentStatement = {
  text: string
  values: readonly unknown[]
  /** The application name of its connection. */
  application: string
}

type ClientWithParameters = { connectionParameters: { application_name?: string } }

/** Records every statement that this process sends to Postgres from now on, over any pool. */
export function noteStatements(): Disposable & { statements(): SentStatement[]; forget(): void } {
  // Prisma and pg-boss also send their statements with this method.
  const query = vi.spyOn(pg.Client.prototype, 'query')
  return {
    statements: () =>
      query.mock.calls.map(([first, second]: unknown[], index) => {
        // A query is a text or an object that can have these fields.
        const { text = '', values = second } =
          typeof first === 'string' ? { text: first } : (first as Partial<pg.QueryConfig>)
        // The type declarations omit the connection parameters.
        const { connectionParameters } = query.mock.contexts[index] as unknown as ClientWithParameters
        return {
          text,
          values: Array.isArray(values) ? values : [],
          application: connectionParameters.application_name ?? '',
        }
      }),
    forget: () => void query.mockClear(),
    [Symbol.dispose]: () => query.mockRestore(),
  }
}

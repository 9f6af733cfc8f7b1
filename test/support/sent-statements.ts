import pg from 'pg'
import { vi } from 'vitest'

export type SentStatement = {
  text: string
  values: readonly unknown[]
  /** The name that its connection goes by. */
  application: string
}

type MadeClient = { connectionParameters: { application_name?: string } }

/** Notes every statement that this process sends to Postgres from now on, by whatever pool. */
export function noteStatements(): Disposable & { statements(): SentStatement[]; forget(): void } {
  // Prisma and pg-boss, too, send theirs through this method.
  const query = vi.spyOn(pg.Client.prototype, 'query')
  return {
    statements: () =>
      query.mock.calls.map(([first, second]: unknown[], index) => {
        // What is not a text is an object that may have these, whatever form of a query it is.
        const { text = '', values = second } =
          typeof first === 'string' ? { text: first } : (first as Partial<pg.QueryConfig>)
        // The types leave out what a client was made with.
        const { connectionParameters } = query.mock.contexts[index] as unknown as MadeClient
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

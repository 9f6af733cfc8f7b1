import pg from 'pg'
import { vi } from 'vitest'
import { sessionText } from '../../src/postgres/session.ts'

export type SentStatement = {
  text: string
  values: readonly unknown[]
  /** Application name of its connection. */
  application: string
}

const [sessionStart = ''] = sessionText().split(' =', 1)

type MadeClient = { connectionParameters: { application_name?: string } }

/**
 * Records every statement that this process sends to Postgres from now on, through any pool. Statements that only prepare a new
 * connection are left out: how many connections are opened depends on timing.
 */
export function noteStatements(): Disposable & { statements(): SentStatement[]; forget(): void } {
  // Prisma and pg-boss also send their statements through this method.
  const query = vi.spyOn(pg.Client.prototype, 'query')
  return {
    statements: () => {
      const sent = query.mock.calls.map(([first, second]: unknown[], index) => {
        // A cast: a query that is not a text is an object that can have these properties.
        const { text = '', values = second } =
          typeof first === 'string' ? { text: first } : (first as Partial<pg.QueryConfig>)
        // A cast, because the types omit the parameters of a client's connection.
        const { connectionParameters } = query.mock.contexts[index] as unknown as MadeClient
        return {
          text,
          values: Array.isArray(values) ? values : [],
          application: connectionParameters.application_name ?? '',
        }
      })
      return sent.filter(({ text }) => !text.startsWith(sessionStart))
    },
    forget: () => void query.mockClear(),
    [Symbol.dispose]: () => query.mockRestore(),
  }
}

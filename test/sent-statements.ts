import pg from 'pg'
import { vi } from 'vitest'

export type SentStatement = { text: string; values: readonly unknown[] }

/** Notes every statement that this process sends to Postgres from now on, by whatever pool. */
export const noteStatements = (): Disposable & { statements(): SentStatement[]; forget(): void } => {
  // Prisma and pg-boss, too, send theirs through this method.
  const query = vi.spyOn(pg.Client.prototype, 'query')
  return {
    statements: () =>
      query.mock.calls.map(([first, second]: unknown[]) => {
        const { text = '', values = second } = typeof first === 'string' ? { text: first } : Object(first)
        return { text: String(text), values: Array.isArray(values) ? values : [] }
      }),
    forget: () => void query.mockClear(),
    [Symbol.dispose]: () => query.mockRestore(),
  }
}

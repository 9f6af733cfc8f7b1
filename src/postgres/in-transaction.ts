import type pg from 'pg'

/** Does the work in one transaction of this connection: all of it is there in the end, or nothing. */
export async function inTransaction<Result>(
  client: pg.ClientBase,
  work: () => Promise<Result>,
): Promise<Result> {
  await client.query('begin')
  try {
    const result = await work()
    await client.query('commit')
    return result
  } catch (error) {
    // When the connection is lost, so is the transaction, and the first error says more.
    await client.query('rollback').catch(() => {})
    throw error
  }
}

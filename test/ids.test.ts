import fc from 'fast-check'
import { expect, test } from 'vitest'
import { idPrefixes, idSql, newId } from '../src/ids.ts'
import { createTestDatabase } from './support/database.ts'

test('SQL composes the same ids as code, at any time', async () => {
  await using database = await createTestDatabase()
  const times = fc.sample(
    fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }),
    500,
  )
  const ids = times.map((at) => newId(idPrefixes.reportRun, at))
  const composed = await database.query<{ id: string }>(
    `select ${idSql(idPrefixes.reportRun, 'milliseconds', 'word')} as id
    from unnest($1::bigint[], $2::text[]) with ordinality as given (milliseconds, word, place) order by place`,
    [times.map(Number), ids.map((id) => id.slice(-15))],
  )
  expect(composed.map(({ id }) => id)).toEqual(ids)
})

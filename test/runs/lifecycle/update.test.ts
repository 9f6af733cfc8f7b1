import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { updateRun } from '../../../src/runs/lifecycle/update.ts'
import { insertRun } from '../../support/insert-run.ts'
import { openRunParts, type RunParts } from '../../support/run-parts.ts'

let parts: RunParts
beforeAll(async () => {
  parts = await openRunParts()
})
afterAll(() => parts[Symbol.asyncDispose]())

const waitingForLocks = `
  select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`

test('concurrent changes of different fields are both kept', async () => {
  const { prisma, owner, database } = parts
  const { id } = await insertRun(prisma, owner, { label: 'Old', tags: ['old'], metadata: { kept: 'yes' } })
  const holder = new pg.Client({ connectionString: database.url })
  await holder.connect()
  await holder.query('begin')
  await holder.query('select 1 from report_gateway.report_runs where id = $1 for update', [id])
  const deps = { ...parts, now: () => new Date() }
  const changed = Promise.all([
    updateRun(deps, owner, id, { label: 'New' }),
    updateRun(deps, owner, id, { tags: ['new', 'new'] }),
  ])
  // Both have read the run now.
  await vi.waitFor(async () => expect(await database.query(waitingForLocks)).toHaveLength(2), 30_000)
  await holder.end()
  expect((await changed).map(({ version }) => version).sort()).toEqual([2, 3])
  expect(await prisma.reportRun.findUniqueOrThrow({ where: { id } })).toMatchObject({
    label: 'New',
    tags: ['new'],
    metadata: { kept: 'yes' },
    version: 3,
  })
})

test('a patch without a new value changes nothing and appends no event', async () => {
  const { prisma, owner } = parts
  const given = { label: 'Same', tags: ['a', 'b'], metadata: { a: '1', b: '2' } }
  const { id } = await insertRun(prisma, owner, given)
  const deps = { ...parts, now: () => new Date() }
  const patches = [{}, given, { label: 'Same' }, { tags: ['a', 'b'] }, { metadata: { b: '2', a: '1' } }]
  for (const patch of patches) {
    expect(await updateRun(deps, owner, id, patch)).toMatchObject({ ...given, version: 1 })
  }
  expect(await prisma.reportRunEvent.count({ where: { runId: id } })).toBe(0)
  expect(await updateRun(deps, owner, id, { tags: ['b', 'a'] })).toMatchObject({ version: 2 })
  expect(await prisma.reportRunEvent.count({ where: { runId: id } })).toBe(1)
})

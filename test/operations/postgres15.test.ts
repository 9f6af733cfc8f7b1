import { expect, test } from 'vitest'
import { describeWith } from '../support/debian-tools.ts'
import { startPostgres15 } from '../support/postgres15.ts'

describeWith(['postgres15'], 'PostgreSQL 15', () => {
  test('stops, starts, and has a standby that is promoted', async () => {
    await using primary = await startPostgres15()
    const [row] = await primary.database.query<{ version: string }>('show server_version')
    expect(Object.values(row ?? {})[0]).toMatch(/^15\./)
    await primary.database.query('create table public.kept (id int)')

    await using standby = await startPostgres15({ standbyOf: primary })
    const write = () => standby.database.query('insert into public.kept values (1) returning id')
    await expect(write()).rejects.toThrow('read-only')
    await primary.stop()
    await standby.promote()
    await expect.poll(() => write().catch(String)).toEqual([{ id: 1 }])
    await primary.start()
    expect(await primary.run('pg_dump', ['--schema-only'])).toContain('CREATE TABLE public.kept')
  })
})

import { afterEach, beforeEach, expect, test } from 'vitest'
import { keysCommand } from '../../../src/cli/commands/keys.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { runCommand } from '../../support/run-command.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(() => database[Symbol.asyncDispose]())

function keys(...args: string[]): Promise<string[]> {
  return runCommand(keysCommand, args, { DATABASE_URL: database.url })
}

test('a new database has no keys, and the first key makes the account', async () => {
  expect(await keys('list')).toEqual(['There are no keys yet.'])
  const [about = '', secret] = await keys('create')
  const [, id, accountId] = /^(key_\w+) {2}(acct_\w+) /.exec(about) ?? []
  expect(secret).toMatch(/^sk_test_/)
  expect(await database.query('select id, name from accounts')).toEqual([{ id: accountId, name: 'Default' }])
  const [line] = await keys('list')
  expect(line).toBe(
    `${id}  ${accountId}  test  …${secret?.slice(-4)}  not revoked  does not expire  not used  Created on the command line`,
  )
  expect((await keys('create'))[0]).toContain(`  ${accountId}  `)
})

test('a second account is made when it is asked for, and its keys are listed alone', async () => {
  await keys('create')
  const [about = ''] = await keys('create', '--new-account', 'Shop', '--live', '--name', 'Of the shop')
  const [, accountId = ''] = / {2}(acct_\w+) /.exec(about) ?? []
  expect(await database.query('select id from accounts where name = $1', ['Shop'])).toEqual([
    { id: accountId },
  ])
  const listed = await keys('list', '--account', accountId)
  expect(listed).toEqual([expect.stringMatching(/ {2}live {2}.* {2}Of the shop$/)])
  await expect(keys('create')).rejects.toThrow(/several accounts.*--account/)
})

test('a key that is revoked again stays revoked since the first time', async () => {
  const [about = ''] = await keys('create')
  const id = about.split(' ')[0] ?? ''
  await keys('revoke', id)
  await database.query("update api_keys set revoked_at = '2026-03-01'")
  expect(await keys('revoke', id)).toEqual([`${id} was revoked at 2026-03-01T00:00:00.000Z.`])
})

test('a life that would be over at once is refused, and makes neither a key nor an account', async () => {
  for (const expires of ['soon', 'P0D', '-P1D', '30']) {
    const refused = keys('create', '--new-account', 'Shop', `--expires=${expires}`)
    await expect(refused).rejects.toThrow(`--expires ${expires} `)
  }
  expect(await database.query('select id from accounts')).toEqual([])
})

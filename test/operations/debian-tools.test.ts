import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { describeWith, pathOf } from '../support/debian-tools.ts'

describeWith(['nginx'], 'nginx', () => {
  test('is the program that the tests run', async () => {
    const { stderr } = await promisify(execFile)(pathOf('nginx'), ['-v'])
    expect(stderr).toContain('nginx version')
  })
})

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const cli = fileURLToPath(new URL('../../src/cli/cli.ts', import.meta.url))

async function run(...args: string[]) {
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env
  const env = { PATH, HOME, NODE_COMPILE_CACHE }
  return promisify(execFile)(process.execPath, [cli, ...args], { env, timeout: 60_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )
}

const names = ['start', 'migrate', 'schema', 'keys', 'import', 'reports', 'report', 'admin']

test.each(['--help', '-h'])('%s lists the commands and succeeds', async (option) => {
  const { code, stdout, stderr } = await run(option)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const name of names) expect(stdout).toMatch(new RegExp(`^  ${name} +\\w`, 'm'))
})

test.each([['--version'], ['-V'], ['start', '--version'], ['report', '--version']])(
  '%s %s prints the version',
  async (...args) => {
    const file = new URL('../../package.json', import.meta.url)
    const { version } = JSON.parse(await readFile(file, 'utf8'))
    expect(await run(...args)).toEqual({
      code: 0,
      stdout: `report-gateway ${version}, Node ${process.version}\n`,
      stderr: '',
    })
  },
)

test.each([
  [['help'], 0, 'stdout', /^npm start \|/],
  [['help', 'keys'], 0, 'stdout', /^npm run keys/],
  [[], 2, 'stderr', /^npm start \|/],
  [['statr'], 2, 'stderr', /^There is no command "statr"\. Did you mean start\? The commands are start, /],
  [['keys', 'list', '--acount', 'x'], 1, 'stderr', /^Unknown option --acount\. Did you mean --account\?\n/],
] as const)('%j is answered with what to type', async (args, code, stream, text) => {
  const ended = await run(...args)
  expect(ended.code).toBe(code)
  expect(ended[stream]).toMatch(text)
})

test.each(names)('%s --help prints the usage and does nothing else', async (name) => {
  const { code, stdout, stderr } = await run(name, '--help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(new RegExp(`^npm (run )?${name}`))
})

test.each(names)('%s rejects an unknown option and prints the usage', async (name) => {
  const { code, stdout, stderr } = await run(name, '--unknown')
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(new RegExp(`^Unknown option --unknown\\.\n\nnpm (run )?${name}`))
})

test.each([
  [['report', '--url'], 'The option --url needs a value. If the value starts with "-", use --url=VALUE.'],
  [
    ['report', '--out', '-x'],
    'The option --out needs a value. If the value starts with "-", use --out=VALUE.',
  ],
  [['keys', 'create', '--live=yes'], 'The option --live takes no value.'],
  [['reports', 'all'], 'Unexpected argument all.'],
])('%j is rejected with the usage', async (args, sentence) => {
  const { code, stderr } = await run(...args)
  expect(code).toBe(1)
  expect(stderr.startsWith(`${sentence}\n\nnpm run ${args[0]}`)).toBe(true)
})

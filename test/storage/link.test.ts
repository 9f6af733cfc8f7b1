import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectRefusal } from '../support/file-refusal.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-http.ts'
import { type StoredTestFile, storeFile } from '../support/stored-file.ts'

// The gateway's clock. It stands still, so that a test can check a link just before and just after its expiration.
const startedAt = new Date('2026-11-01T12:00:00.300Z')
let now = startedAt
let gateway: TestGateway
let account: TestAccount
let file: StoredTestFile
beforeAll(async () => {
  gateway = await startTestGateway({ now: () => now })
  account = await gateway.createAccount()
  file = await storeFile(gateway, account, 'id\n1\n')
})
afterAll(() => gateway[Symbol.asyncDispose]())
beforeEach(() => {
  now = startedAt
})

const refusedLink =
  'This link is incomplete or was changed. Request a new one from the API: result { files { download { url } } }.\n'

describe('the lifetime of a link', () => {
  test.each(['PT1S', 'PT59S', 'PT5M', 'PT60M', 'PT1H'])('can be %s', async (expiresIn) => {
    expect((await fetch(await file.link(expiresIn), { method: 'HEAD' })).status).toBe(200)
  })

  test.each(['PT0S', 'PT0.999S', '-PT5M', 'PT1H0.001S', 'PT3601S', 'P1D', 'P1W', 'P1M', 'P1Y'])(
    'cannot be %s',
    async (expiresIn) => {
      const { data, errors } = await account.client.execute(
        'query ($id: ID!, $expiresIn: Duration) { node(id: $id) { ... on ReportFile { download(expiresIn: $expiresIn) { url } } } }',
        { id: file.id, expiresIn },
      )
      expect(data).toEqual({ node: { download: null } })
      expect(errors).toMatchObject([
        {
          message: expect.stringMatching(/^expiresIn is \S+\. .*Use a duration from PT1S to PT1H\.$/),
          extensions: { code: 'BAD_USER_INPUT', argument: 'expiresIn' },
        },
      ])
    },
  )

  test('is at least as long as requested, and exact to the millisecond', async () => {
    const { node } = await account.client.request<{ node: { download: { url: string; expiresAt: string } } }>(
      `{ node(id: "${file.id}") { ... on ReportFile { download(expiresIn: "PT1S") { url expiresAt } } } }`,
    )
    const { url, expiresAt } = node.download
    expect(expiresAt).toBe('2026-11-01T12:00:02.000Z')
    now = new Date(Date.parse(expiresAt) - 1)
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
    now = new Date(expiresAt)
    await expectRefusal(
      await fetch(url),
      403,
      /^This link has expired\. Request a new one from the API: .+\.\n$/,
    )
  })
})

describe('a link is refused', () => {
  const changes: [string, (url: URL, other: URL) => unknown][] = [
    ['without its signature', ({ searchParams }) => searchParams.delete('signature')],
    ['with an empty signature', ({ searchParams }) => searchParams.set('signature', '')],
    ['without its expiration', ({ searchParams }) => searchParams.delete('expires')],
    ['without both', (url) => Object.assign(url, { search: '' })],
    ['with a later expiration', ({ searchParams }) => searchParams.set('expires', '9999999999')],
    [
      'with a later expiration before the true one',
      (url) => Object.assign(url, { search: `?expires=9999999999&${url.search.slice(1)}` }),
    ],
    [
      'with another form of its expiration',
      ({ searchParams }) => searchParams.set('expires', `0${searchParams.get('expires')}`),
    ],
    [
      'with another signature',
      ({ searchParams }) => searchParams.set('signature', Buffer.alloc(32).toString('base64url')),
    ],
    ['with a longer signature', (url) => Object.assign(url, { search: `${url.search}A` })],
    ['with a padded signature', (url) => Object.assign(url, { search: `${url.search}%3D` })],
    [
      'with the signature of another file',
      ({ searchParams }, other) => searchParams.set('signature', other.searchParams.get('signature') ?? ''),
    ],
    ['to another file', (url, other) => Object.assign(url, { pathname: other.pathname })],
    [
      'to a file that does not exist',
      (url) => Object.assign(url, { pathname: '/files/file_0123456789abcdefghjkmnpqr' }),
    ],
    ['to no file', (url) => Object.assign(url, { pathname: '/files/' })],
    ['to a file below the file', (url) => Object.assign(url, { pathname: `${url.pathname}/x` })],
  ]
  test.each(changes)('%s', async (_what, change) => {
    const stranger = await gateway.createAccount()
    const other = new URL(await (await storeFile(gateway, stranger, 'secret')).link())
    const url = new URL(await file.link())
    change(url, other)
    await expectRefusal(await fetch(url), 403, refusedLink)
  })

  test('with any changed character in its signature', async () => {
    const url = new URL(await file.link())
    const signature = url.searchParams.get('signature') ?? ''
    expect(signature).toHaveLength(43)
    const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
    const statusWith = async (changed: string): Promise<number> => {
      url.searchParams.set('signature', changed)
      return (await fetch(url, { method: 'HEAD' })).status
    }
    expect(await statusWith(signature)).toBe(200)
    for (let i = 0; i < signature.length; i++) {
      const letter = signature[i] === 'A' ? 'B' : 'A'
      expect(await statusWith(signature.slice(0, i) + letter + signature.slice(i + 1))).toBe(403)
    }
    // The last character encodes two more bits than the signature has.
    for (const letter of letters.filter((other) => other !== signature.at(-1))) {
      expect(await statusWith(signature.slice(0, -1) + letter)).toBe(403)
    }
  })

  test('with an API key instead of a signature', async () => {
    const url = `${gateway.url}/files/${file.id}`
    await expectRefusal(
      await fetch(url, { headers: { authorization: `Bearer ${account.key}` } }),
      403,
      refusedLink,
    )
  })

  test.each([
    '/files/../keys.json',
    '/files/%2e%2e/keys.json',
    '/files/..%2fkeys.json',
    '/files/..%5ckeys.json',
    '/files/%2fetc%2fpasswd',
    '/files//etc/passwd',
    '/files/file%00',
  ])('with a path that leads out of the store: %s', async (path) => {
    const answer = await exchange(gateway.url, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 40[34] /)
    expect(answer).not.toContain('root:')
  })
})

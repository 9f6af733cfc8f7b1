import { expect, test } from 'vitest'
import { fetchReportParameters, fetchReportRun } from '../../../src/cli/client/report-run.ts'
import { startHttpServer } from '../../support/http-server.ts'

const key = 'sk_test_secret'

/** What a person reads when the terminal client is answered so. */
async function explanationOf(status: number, body: string): Promise<{ name: string; message: string }> {
  await using server = await startHttpServer((_request, response) => response.writeHead(status).end(body))
  const error: unknown = await fetchReportParameters({ url: server.url, key }, 'balance.summary.1').catch(
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Error)) throw new Error(`${body} was taken for an answer`)
  return { name: error.name, message: error.message.replaceAll(server.url, 'URL') }
}

test.each([502, 503, 504])(
  'a gateway that is not up yet is unreachable, with what %i says',
  async (status) => {
    expect(await explanationOf(status, ' The gateway is starting.\n')).toEqual({
      name: 'UnreachableError',
      message: `URL answered ${status}: The gateway is starting.`,
    })
  },
)

test('of a long page that a proxy answers, the start is shown', async () => {
  const { message } = await explanationOf(502, 'x'.repeat(5_000))
  expect(message).toBe(`URL answered 502: ${'x'.repeat(300)}`)
})

test('an address that answers HTML is named with its status', async () => {
  const { name, message } = await explanationOf(404, '<h1>Not found</h1>')
  expect({ name, message }).toMatchObject({
    name: 'ClientError',
    message: expect.stringMatching(/^URL\/graphql answered 404 without JSON\..*Report Gateway/),
  })
})

test('an answer with neither data nor errors is not taken for a report without parameters', async () => {
  expect(await explanationOf(200, '{}')).toEqual({
    name: 'ClientError',
    message: 'URL/graphql answered without data.',
  })
})

test('every GraphQL error has a line, and one about the key makes it a refused key', async () => {
  const depth = { message: 'The document is too deep.' }
  const refusal = { message: 'The API key is not valid.', extensions: { code: 'UNAUTHENTICATED' } }
  expect(await explanationOf(400, JSON.stringify({ errors: [depth] }))).toEqual({
    name: 'ClientError',
    message: 'The document is too deep.',
  })
  expect(await explanationOf(401, JSON.stringify({ errors: [depth, refusal] }))).toEqual({
    name: 'KeyRefusedError',
    message: 'The document is too deep.\nThe API key is not valid.',
  })
})

test('no error shows the key', async () => {
  for (const body of ['{}', 'nonsense', '{"errors":[{"message":"Refused."}]}'])
    expect((await explanationOf(200, body)).message).not.toContain(key)
})

test('a run that has been erased in between is named', async () => {
  await using server = await startHttpServer((_request, response) =>
    response.end('{"data":{"reportRun":null}}'),
  )
  const { signal } = new AbortController()
  await expect(fetchReportRun({ url: server.url, key }, 'frr_1', signal)).rejects.toThrow(/frr_1/)
})

test('Ctrl-C ends the wait for an answer, and is not taken for a gateway that is down', async () => {
  const stopping = new AbortController()
  const reason = new Error('Ctrl-C')
  await using server = await startHttpServer(() => stopping.abort(reason))
  await expect(fetchReportRun({ url: server.url, key }, 'frr_1', stopping.signal)).rejects.toBe(reason)
})

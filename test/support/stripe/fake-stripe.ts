import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expandObject } from './expand.ts'
import { type Query, readQuery } from './query.ts'

/** An object of the API, with ids instead of expandable objects. */
export type StripeObject = { id: string; object: string; created: number; [field: string]: unknown }

/** A simulated fault: an error response with headers, or `cut` for a connection that closes within the body. */
export type Fault = { status: number; headers?: Record<string, string>; code?: string } | 'cut'

export type FakeStripe = AsyncDisposable & {
  port: number
  /** The account of the key. */
  accountId: string
  /** All objects by id. Tests can change them. */
  objects: Map<string, StripeObject>
  /** The ids of the balance transactions that each payout swept. */
  swept: Map<string, string[]>
  /** All requests so far, in order, including rejected ones. */
  requests: { path: string; query: Query }[]
  /** Returns a fault for a request; null to respond normally. */
  fault: (request: { path: string; query: Query }, count: number) => Fault | null
}

export const fakeKey = 'sk_test_51FakeFakeFake4242'

class Rejection extends Error {
  readonly status: number
  readonly fields: Record<string, string>
  constructor(status: number, fields: Record<string, string>) {
    super(fields.message)
    this.status = status
    this.fields = fields
  }
}

function invalid(message: string): Rejection {
  return new Rejection(400, { type: 'invalid_request_error', message })
}

function missing(id: string): Rejection {
  return new Rejection(404, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such object: '${id}'`,
  })
}

function allow(query: Query, names: readonly string[]): void {
  for (const name of Object.keys(query.values))
    if (!names.includes(name)) throw invalid(`Received unknown parameter: ${name}`)
}

/** Returns a page of a list like Stripe: newest first, at most 100 objects, after `starting_after`. */
function page(objects: readonly StripeObject[], query: Query) {
  const { limit = '10', starting_after: after, 'created[gte]': gte, 'created[lt]': lt } = query.values
  if (!(Number(limit) >= 1 && Number(limit) <= 100)) throw invalid(`Invalid limit: ${limit}`)
  const listed = objects
    .filter(({ created }) => created >= Number(gte ?? 0) && created < Number(lt ?? Infinity))
    .toSorted((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1))
  const start = after === undefined ? 0 : listed.findIndex(({ id }) => id === after) + 1
  if (after !== undefined && start === 0) throw missing(after)
  const data = listed.slice(start, start + Number(limit))
  return { object: 'list', has_more: start + data.length < listed.length, data }
}

const listParameters = ['created[gte]', 'created[lt]', 'limit', 'starting_after']

function responseTo(fake: FakeStripe, path: string, query: Query): object {
  const all = [...fake.objects.values()]
  const ofKind = (kind: string) => all.filter(({ object }) => object === kind)
  const [, , resource, id] = path.split('/')
  switch (resource) {
    case 'account':
      return { id: fake.accountId, object: 'account' }
    case 'balance_transactions': {
      allow(query, [...listParameters, 'payout'])
      const { payout } = query.values
      const ids = payout === undefined ? null : (fake.swept.get(payout) ?? [])
      return page(
        ofKind('balance_transaction').filter((transaction) => ids === null || ids.includes(transaction.id)),
        query,
      )
    }
    case 'invoice_payments':
      allow(query, [...listParameters, 'status'])
      return page(
        ofKind('invoice_payment').filter(({ status }) => status === (query.values.status ?? status)),
        query,
      )
    case 'payouts': {
      const payout = fake.objects.get(id ?? '')
      if (!payout) throw missing(id ?? '')
      return payout
    }
    default:
      throw new Rejection(404, {
        type: 'invalid_request_error',
        message: `Unrecognized request URL (${path}).`,
      })
  }
}

function checkKey({ headers }: IncomingMessage): void {
  if (headers.authorization === `Bearer ${fakeKey}`) return
  const end = headers.authorization?.slice(-4)
  throw new Rejection(401, {
    type: 'invalid_request_error',
    message: `Invalid API Key provided: sk_test_***********${end}`,
  })
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': 'req_1', ...headers })
  response.end(JSON.stringify(body))
}

function sendFault(response: ServerResponse, fault: Fault): void {
  if (fault === 'cut') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
    response.write('{"object": "list", "da', () => response.destroy())
    return
  }
  const { status, headers, code = 'rate_limit' } = fault
  send(
    response,
    status,
    {
      error: {
        type: 'invalid_request_error',
        code,
        message: status === 403 ? `The key '${fakeKey}' does not have the permission.` : 'Not now.',
      },
    },
    headers,
  )
}

/** Starts a server on 127.0.0.1 that implements the part of Stripe's API that the sync uses. */
export async function startFakeStripe(): Promise<FakeStripe> {
  const server = createServer((request, response) => {
    const { path, query } = readQuery(request.url ?? '')
    fake.requests.push({ path, query })
    const fault = fake.fault({ path, query }, fake.requests.length)
    if (fault) return sendFault(response, fault)
    try {
      checkKey(request)
      send(response, 200, expandObject(responseTo(fake, path, query), query.expand, fake.objects))
    } catch (error) {
      if (!(error instanceof Rejection)) throw error
      send(response, error.status, { error: error.fields })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const fake: FakeStripe = {
    // A server that listens on a port has an address of this form.
    port: (server.address() as AddressInfo).port,
    accountId: 'acct_stripe',
    objects: new Map(),
    swept: new Map(),
    requests: [],
    fault: () => null,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  return fake
}

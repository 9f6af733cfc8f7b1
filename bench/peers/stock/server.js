// What the documentation of Yoga, Pothos and Prisma leads to: a connection by prismaConnection, and the context with the lookup
// of the API key.
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import { createPubSub, createYoga } from 'graphql-yoga'
import { prisma, startQueue } from './database.js'
import { createSchema } from './schema.js'
import { serveWebSockets } from './websocket.js'

const pubSub = createPubSub()

async function authenticate(header) {
  const secret = (header ?? '').replace('Bearer ', '')
  const key = await prisma.apiKey.findUnique({ where: { id: `key_${secret.slice(8, 33)}` } })
  const hash = createHash('sha256').update(secret).digest()
  if (!key || key.revokedAt || !timingSafeEqual(key.secretHash, hash))
    throw new Error('The key is not valid.')
  return key
}

const yoga = createYoga({
  schema: createSchema(),
  context: async ({ request, connectionParams }) => ({
    key: await authenticate(request?.headers.get('authorization') ?? connectionParams?.authorization),
    boss: await startQueue(),
    pubSub,
  }),
})
const server = createServer(yoga)
serveWebSockets(server, yoga)
server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  process.stdout.write(`ready http://127.0.0.1:${server.address().port}\n`)
})

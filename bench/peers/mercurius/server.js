// Mercurius with subscriptions as its documentation shows, over runs in memory.
import Fastify from 'fastify'
import mercurius from 'mercurius'

const schema = `
  type ReportRun { id: ID! status: String! label: String }
  type ReportRunEvent { run: ReportRun }
  input UpdateReportRunInput { id: ID! label: String }
  type UpdateReportRunPayload { reportRun: ReportRun }
  type Query { ok: Boolean }
  type Mutation { updateReportRun(input: UpdateReportRunInput!): UpdateReportRunPayload }
  type Subscription { reportRunEvents: ReportRunEvent }
`

const resolvers = {
  Mutation: {
    updateReportRun: async (_root, { input: { id, label } }, { pubsub }) => {
      const run = { id, status: 'SUCCEEDED', label }
      await pubsub.publish({ topic: 'runs', payload: { reportRunEvents: { run } } })
      return { reportRun: run }
    },
  },
  Subscription: {
    reportRunEvents: { subscribe: (_root, _args, { pubsub }) => pubsub.subscribe('runs') },
  },
}

const app = Fastify()
app.register(mercurius, { schema, resolvers, subscription: true })
const url = await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
process.stdout.write(`ready ${url}\n`)

// PostGraphile 5 over the same tables, with the lookup of the API key in its context and a field for the runs of the viewer.
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import pg from 'pg'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { reportRuns } from './report-runs.js'

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: 10,
  options: '-c search_path=report_gateway',
})

const findKey = {
  name: 'key',
  text: 'select account_id, livemode, secret_hash, revoked_at from api_keys where id = $1',
}

async function authenticate(header = '') {
  const secret = header.replace('Bearer ', '')
  const { rows } = await pool.query({ ...findKey, values: [`key_${secret.slice(8, 33)}`] })
  const [key] = rows
  const hash = createHash('sha256').update(secret).digest()
  if (!key || key.revoked_at || !timingSafeEqual(key.secret_hash, hash))
    throw new Error('The key is not valid.')
  return key
}

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [reportRuns],
  disablePlugins: ['NodePlugin'],
  pgServices: [makePgService({ pool, schemas: ['report_gateway'] })],
  grafast: {
    explain: false,
    context: async ({ node }) => {
      const { account_id, livemode } = await authenticate(node?.req.headers.authorization)
      return { accountId: account_id, livemode }
    },
  },
  grafserv: { graphiql: false, watch: false, dangerouslyAllowAllCORSRequests: false },
}

const instance = postgraphile(preset)
const server = createServer()
server.once('listening', () => process.stdout.write(`ready http://127.0.0.1:${server.address().port}\n`))
const served = instance.createServ(grafserv)
await served.addTo(server)
await instance.getSchema()
server.listen(Number(process.env.PORT), '127.0.0.1')

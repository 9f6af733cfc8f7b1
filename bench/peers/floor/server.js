// The floor: what node:http and `pg` with prepared statements can do at most. It understands none of GraphQL: it answers the one
// query of the row with JSON that is put together by hand, after the same lookup of the API key as all others.
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import pg from 'pg'

pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (value) => value)
const titles = JSON.parse(process.env.REPORT_TITLES ?? '{}')
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: 10,
  options: '-c search_path=report_gateway',
})

const findKey = {
  name: 'key',
  text: 'select account_id, livemode, secret_hash, revoked_at from api_keys where id = $1',
}
const findRuns = {
  name: 'runs',
  text: `select run.id, status, label, array_to_json(tags)::text as tags, run.created_at, finished_at, report_type,
      run.row_count, case when status = 'SUCCEEDED' then (
        select coalesce(json_agg(json_build_object('id', file.id, 'filename', filename, 'format', format,
          'rowCount', file.row_count::text, 'byteSize', file.byte_size::text, 'sha256', sha256)), '[]')::text
        from report_files as file where run_id = run.id
      ) end as files
    from report_runs as run
    where account_id = $1 and livemode = $2 and erased_at is null and id < $3
    order by id desc limit $4`,
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

const instant = (value) => JSON.stringify(value === null ? null : new Date(value).toISOString())

function edge(run) {
  const { id, status, label, tags, created_at, finished_at, report_type, row_count, files } = run
  const result = files === null ? 'null' : `{"rowCount":"${row_count}","files":${files}}`
  return `{"cursor":"${id}","node":{"id":"${id}","status":"${status}","label":${JSON.stringify(label)},"tags":${tags},"createdAt":${instant(created_at)},"finishedAt":${instant(finished_at)},"reportType":{"name":"${report_type}","title":${JSON.stringify(titles[report_type])}},"result":${result}}}`
}

async function answer(request) {
  const { variables } = JSON.parse(await text(request))
  const { account_id, livemode } = await authenticate(request.headers.authorization)
  const { first, after } = variables
  const { rows } = await pool.query({ ...findRuns, values: [account_id, livemode, after ?? 'g', first + 1] })
  const page = rows.slice(0, first)
  const pageInfo = `{"hasNextPage":${rows.length > first},"endCursor":"${page.at(-1)?.id ?? ''}"}`
  return `{"data":{"reportRuns":{"edges":[${page.map(edge).join()}],"pageInfo":${pageInfo}}}}`
}

const server = createServer((request, response) => {
  answer(request).then(
    (body) =>
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
        .end(body),
    (error) => response.writeHead(500).end(String(error)),
  )
})
server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  process.stdout.write(`ready http://127.0.0.1:${server.address().port}\n`)
})

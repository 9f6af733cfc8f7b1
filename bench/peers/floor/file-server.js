// Serves one file with node's default stream, whole or in a range. FILE is the file.
import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'

const file = process.env.FILE
const { size } = statSync(file)

const server = createServer((request, response) => {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
  if (from === undefined) {
    response.writeHead(200, { 'content-length': size })
    createReadStream(file).pipe(response)
    return
  }
  const [start, end] = [Number(from), Math.min(Number(to), size - 1)]
  response.writeHead(206, {
    'content-length': end - start + 1,
    'content-range': `bytes ${start}-${end}/${size}`,
  })
  createReadStream(file, { start, end }).pipe(response)
})
server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  process.stdout.write(`ready http://127.0.0.1:${server.address().port}\n`)
})

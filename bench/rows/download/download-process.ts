// Downloads a file again and again over one connection, and prints how many bytes came in how many seconds. Arguments: URL, how
// often, and bytes of each range, or 0 for the whole file.
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'

const [url = '', times = '', range = ''] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

async function download(number: number): Promise<number> {
  const start = number * Number(range)
  const headers = range === '0' ? {} : { range: `bytes=${start}-${start + Number(range) - 1}` }
  const [response]: [IncomingMessage] = (await once(get(url, { agent, headers }), 'response')) as [
    IncomingMessage,
  ] // As documented.
  const expected = range === '0' ? 200 : 206
  if (response.statusCode !== expected)
    throw new Error(`${url} answers ${response.statusCode}, not ${expected}.`)
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  await once(response, 'end')
  return bytes
}

const startedAt = performance.now()
let bytes = 0
for (let number = 0; number < Number(times); number++) bytes += await download(number)
process.stdout.write(JSON.stringify({ bytes, seconds: (performance.now() - startedAt) / 1000 }))
process.exit(0)

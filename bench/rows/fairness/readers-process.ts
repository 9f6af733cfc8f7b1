// Reads the log of an account by many subscriptions over SSE. Arguments: URL, API key, cursor, number. Prints a line when all
// subscriptions have received something.
import { request } from 'node:http'

const [url = '', key = '', after = '', count = ''] = process.argv.slice(2)
const query = `subscription ($after: EventCursor) {
  reportRunEvents(after: $after) { cursor occurredAt run { id status version } }
}`
const headers = {
  'content-type': 'application/json',
  accept: 'text/event-stream',
  authorization: `Bearer ${key}`,
}
let silent = Number(count)

function read(): void {
  const sent = request(`${url}/graphql`, { method: 'POST', headers, agent: false }, (response) => {
    if (response.statusCode !== 200)
      throw new Error(`A subscription was answered with ${response.statusCode}.`)
    let isSilent = true
    response.on('data', (chunk: Buffer) => {
      if (!isSilent || !chunk.includes('"reportRunEvents"')) return
      isSilent = false
      silent--
      if (silent === 0) process.stdout.write('All subscriptions receive events.\n')
    })
  })
  sent.end(JSON.stringify({ query, variables: { after } }))
}

for (let number = 0; number < Number(count); number++) read()

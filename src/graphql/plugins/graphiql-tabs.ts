import { readFile } from 'node:fs/promises'
import type { GraphiQLOptions } from 'graphql-yoga'

/** What the page is filled with when it serves a demo. */
export type Prefill = {
  /** API key for the headers of each tab. */
  key: string
  /** Month that there is data for. */
  month: { start: Date; end: Date }
}

const runVariables = JSON.stringify({ id: 'frr_…' }, null, 2)

const withoutKey = `{
  // "npm run keys -- create" makes a key to put here:
  // "Authorization": "Bearer sk_test_…"
}`

/**
 * What GraphiQL opens with.
 *
 * @param prefill null leaves the headers to the user
 */
export async function graphiqlOptions(prefill: Prefill | null): Promise<GraphiQLOptions> {
  const create = await readPagePart('create.graphql')
  return {
    title: 'Report Gateway',
    subscriptionsProtocol: 'WS',
    defaultHeaders:
      prefill === null ? withoutKey : JSON.stringify({ Authorization: `Bearer ${prefill.key}` }, null, 2),
    // A key that the browser kept would outlive the data folder that it was made for.
    shouldPersistHeaders: false,
    defaultEditorToolsVisibility: prefill === null ? 'headers' : 'variables',
    defaultTabs: [
      { query: prefill ? withMonth(create, prefill.month) : create },
      { query: await readPagePart('watch.graphql'), variables: runVariables },
      { query: await readPagePart('events.graphql') },
      { query: await readPagePart('list.graphql') },
      { query: await readPagePart('download.graphql'), variables: runVariables },
    ],
  }
}

/** Reads a file that becomes a part of the page. */
export function readPagePart(name: string): Promise<string> {
  return readFile(new URL(`./graphiql/${name}`, import.meta.url), 'utf8')
}

function withMonth(mutation: string, { start, end }: Prefill['month']): string {
  const [from, until] = [start, end].map((date) => date.toISOString().replace('.000', ''))
  const between = `between: {
              start: "${from}"
              end: "${until}"
            }`
  return mutation.replace('relative: PREVIOUS_MONTH', between)
}

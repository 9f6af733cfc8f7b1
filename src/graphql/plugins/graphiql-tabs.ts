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
  return {
    title: 'Report Gateway',
    subscriptionsProtocol: 'WS',
    defaultHeaders:
      prefill === null ? withoutKey : JSON.stringify({ Authorization: `Bearer ${prefill.key}` }, null, 2),
    // A key that the browser kept would outlive the data folder that it was made for.
    shouldPersistHeaders: false,
    defaultEditorToolsVisibility: prefill === null ? 'headers' : 'variables',
    defaultTabs: [
      { query: create(prefill?.month) },
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

function intervalOf(month: Prefill['month'] | undefined): string {
  if (!month) return 'relative: PREVIOUS_MONTH'
  const [start, end] = [month.start, month.end].map((date) => date.toISOString().replace('.000', ''))
  return `between: {
              start: "${start}"
              end: "${end}"
            }`
}

function create(month: Prefill['month'] | undefined): string {
  return `# Ask for a report: press the button on the right.
# Then go on to Watch, which has the id filled in.
mutation Create {
  createReportRun(
    input: {
      report: {
        balanceChangeFromActivityItemized: {
          interval: {
            ${intervalOf(month)}
          }
        }
      }
    }
  ) {
    reportRun {
      id
      status
    }
    userErrors {
      code
      message
      path
    }
  }
}
`
}

import type { GraphiQLOptions } from 'graphql-yoga'

/** What the page is filled with when it serves a demo. */
export type Prefill = {
  /** API key for the headers of each tab. */
  key: string
  /** Month that there is data for. */
  month: { start: Date; end: Date }
}

const watch = `# Follow a run live: it is pushed here over
# WebSocket until it has ended. Its id is under
# Variables: put another one there if you like.
subscription Watch($id: ID!) {
  reportRun(id: $id) {
    status
    progress {
      percent
      rowsWritten
      rowsExpected
      stage
    }
    failure {
      code
      message
    }
  }
}
`

const events = `# Everything that happens in the account. Run this in
# a second window, and Create in this one. Each event
# has a cursor: put the last one that you saw into
# after, and you are told all that you missed.
subscription Events {
  reportRunEvents(scope: { all: true }) {
    __typename
    cursor
    run {
      id
      status
      progress {
        percent
      }
    }
  }
}
`

const list = `# Page through history, newest first.
query List {
  reportRuns(first: 10) {
    totalCount
    nodes {
      id
      status
      createdAt
      reportType {
        name
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`

const download = `# A fresh link to the file, which works in any
# browser without a key: Ctrl+click the url.
query Download($id: ID!) {
  reportRun(id: $id) {
    status
    result {
      rowCount
      files {
        filename
        byteSize
        sha256
        download(expiresIn: "PT15M") {
          url
          expiresAt
        }
      }
    }
  }
}
`

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
export function graphiqlOptions(prefill: Prefill | null): GraphiQLOptions {
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
      { query: watch, variables: runVariables },
      { query: events },
      { query: list },
      { query: download, variables: runVariables },
    ],
  }
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

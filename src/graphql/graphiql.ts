import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import type { GraphiQLOptions, YogaServerOptions } from 'graphql-yoga'

const create = `# Ask for a report. Run this, then copy the id into the tabs beside it.
mutation Create {
  createReportRun(
    input: { report: { balanceChangeFromActivityItemized: { interval: { relative: PREVIOUS_MONTH } } } }
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

const watch = `# Follow a run live: it is pushed here until it has ended.
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

const list = `# Page through history, newest first.
query List {
  reportRuns(first: 10, filter: { status: [SUCCEEDED, RUNNING] }) {
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

const download = `# A fresh link to the file, which works in a browser without a key.
query Download($id: ID!) {
  reportRun(id: $id) {
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

/**
 * What GraphiQL opens with.
 *
 * @param key filled into the headers of each tab; null leaves them to the user
 */
export const graphiqlOptions = (key: string | null): GraphiQLOptions => {
  const headers = key === null ? '{}' : JSON.stringify({ Authorization: `Bearer ${key}` }, null, 2)
  return {
    title: 'Report Gateway',
    subscriptionsProtocol: 'WS',
    headers,
    defaultHeaders: headers,
    shouldPersistHeaders: false,
    defaultEditorToolsVisibility: 'headers',
    defaultTabs: [
      { query: create, headers },
      { query: watch, variables: runVariables, headers },
      { query: list, headers },
      { query: download, variables: runVariables, headers },
    ],
  }
}

/** Renders the page from the package, whole: the default one loads its script from a CDN. */
export const renderPage: YogaServerOptions<object, object>['renderGraphiQL'] = renderGraphiQL

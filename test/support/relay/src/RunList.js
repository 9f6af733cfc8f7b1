import { graphql } from 'relay-runtime'

export const runsFragment = graphql`
  fragment RunList_runs on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "RunListPageQuery") {
    reportRuns(first: $count, after: $cursor) @connection(key: "RunList_reportRuns") {
      edges {
        node {
          ...RunList_run
        }
      }
    }
  }
`

export const runFragment = graphql`
  fragment RunList_run on ReportRun @refetchable(queryName: "RunListRunQuery") {
    id
    status
    label
    progress {
      percent
    }
  }
`

export const retriesFragment = graphql`
  fragment RunList_retries on ReportRun
  @argumentDefinitions(count: { type: "Int", defaultValue: 5 }, cursor: { type: "String" })
  @refetchable(queryName: "RunListRetriesQuery") {
    retries(first: $count, after: $cursor) @connection(key: "RunList_retries") {
      edges {
        node {
          ...RunList_run
        }
      }
    }
  }
`

export const listQuery = graphql`
  query RunListQuery($id: ID!) {
    ...RunList_runs
    reportRun(id: $id) {
      ...RunList_retries
    }
  }
`

export const createMutation = graphql`
  mutation RunListCreateMutation($input: CreateReportRunInput!, $connections: [ID!]!) {
    createReportRun(input: $input) {
      reportRun @prependNode(connections: $connections, edgeTypeName: "ReportRunEdge") {
        ...RunList_run
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`

export const runSubscription = graphql`
  subscription RunListRunSubscription($id: ID!) {
    reportRun(id: $id) {
      ...RunList_run
    }
  }
`

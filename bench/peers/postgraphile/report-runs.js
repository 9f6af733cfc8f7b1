import { connection, context, inhibitOnNull, lambda, object } from 'postgraphile/grafast'
import { extendSchema, gql } from 'postgraphile/utils'

const titles = JSON.parse(process.env.REPORT_TITLES ?? '{}')

/** A column, under the name that our API has for it. */
const column = (name) => ($row) => $row.get(name)

/** The names and types of our API, over the tables that PostGraphile has found. */
export const reportRuns = extendSchema(({ input: { pgRegistry }, sql }) => {
  const { report_runs: runs, report_files: files } = pgRegistry.pgResources
  return {
    typeDefs: gql`
      extend type Query {
        reportRuns(first: Int, after: String): RunConnection
      }
      type RunConnection {
        edges: [RunEdge]
        pageInfo: PageInfo!
      }
      type RunEdge {
        cursor: Cursor
        node: Run
      }
      type Run {
        id: String
        status: ReportRunStatus
        label: String
        tags: [String]
        createdAt: Datetime
        finishedAt: Datetime
        reportType: RunType
        result: RunResult
      }
      type RunType {
        name: String
        title: String
      }
      type RunResult {
        rowCount: BigInt
        files: [RunFile]
      }
      type RunFile {
        id: String
        filename: String
        format: ReportFormat
        rowCount: BigInt
        byteSize: BigInt
        sha256: String
      }
    `,
    objects: {
      Query: {
        plans: {
          reportRuns(_$root, { $first, $after }) {
            const $viewer = context()
            const $runs = runs.find({
              account_id: $viewer.get('accountId'),
              livemode: $viewer.get('livemode'),
            })
            $runs.where(sql`${$runs.alias}.erased_at is null`)
            $runs.orderBy({ attribute: 'id', direction: 'DESC' })
            $runs.setOrderIsUnique()
            const $connection = connection($runs)
            $connection.setFirst($first)
            $connection.setAfter($after)
            return $connection
          },
        },
      },
      Run: {
        plans: {
          createdAt: column('created_at'),
          finishedAt: column('finished_at'),
          reportType: column('report_type'),
          // Null unless the status is SUCCEEDED: an object is null when a part of it is inhibited.
          result: ($run) =>
            object({
              isThere: inhibitOnNull(
                lambda($run.get('status'), (status) => (status === 'SUCCEEDED' ? true : null)),
              ),
              runId: $run.get('id'),
              rowCount: $run.get('row_count'),
            }),
        },
      },
      RunType: {
        plans: { name: ($name) => $name, title: ($name) => lambda($name, (name) => titles[name]) },
      },
      RunResult: {
        plans: {
          files: ($result) => files.find({ run_id: $result.get('runId') }),
        },
      },
      RunFile: { plans: { rowCount: column('row_count'), byteSize: column('byte_size') } },
    },
  }
})

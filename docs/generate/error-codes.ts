import { closeCodes } from '../../src/close-codes.ts'
import { type Entry, httpStatuses, topLevelCodes, userErrorCodes } from '../../src/error-codes.ts'
import { generatedNote } from './generated-note.ts'
import { markdownTable } from './markdown-table.ts'

/** The page docs/api/errors.md, as Markdown: every code by which the gateway refuses a request or closes a connection. */
export function errorCodesPage(): string {
  return `${generatedNote}

# Errors

The gateway reports an error in one of four places. *Retry* says whether the same request can succeed later without a change.

| Place | What it holds |
| --- | --- |
| [\`userErrors\`](#user-errors) | Errors in the input of a mutation. The mutation changed nothing. |
| [\`errors\`](#top-level-errors) | Everything else that a GraphQL response reports, by \`extensions.code\`. |
| [HTTP status](#http-statuses) | The outcome of a request, also where the answer is not GraphQL. |
| [WebSocket close code](#websocket-close-codes) | Why a connection ended. |

New codes may be added. After an unknown code, do not retry. After an unknown HTTP status of 500 or above, retry.

## User errors

Values of \`userErrors.code\` (\`UserErrorCode\`).

${markdownTable(
  ['Code', 'Meaning', 'What to do', 'Retry'],
  Object.entries(userErrorCodes).map(([code, entry]) => [`\`${code}\``, ...cells(entry)]),
)}

## Top-level errors

Values of \`errors[].extensions.code\`, over HTTP, SSE and WebSocket alike. The column *HTTP status* applies to a response without \`data\`, which has the highest status of its errors. A response with \`data\` always has status 200, even when it also has errors. When every root field failed with an error that has \`Retry-After\`, the response has no \`data\`, so that proxies and libraries see 503 or 429 instead of a mutation whose payload is null. "400, 200" means that a response as \`application/json\` or as an event stream has 200, and any other response has 400. Requests without an \`Accept\` header, or with \`*/*\`, get \`application/json\`.

${markdownTable(
  ['Code', 'HTTP status', 'Meaning', 'What to do', 'Retry'],
  Object.entries(topLevelCodes).map(([code, entry]) => [
    `\`${code}\``,
    entry.statuses.join(', '),
    ...cells(entry),
  ]),
)}

## HTTP statuses

${Object.entries(httpStatuses).map(statusSection).join('\n\n')}

## WebSocket close codes

The gateway serves \`graphql-transport-ws\` at \`/graphql\`. A connection that ends without a close code (1006) was cut off: connect again with the last cursor.

${markdownTable(
  ['Code', 'Meaning', 'What to do', 'Retry'],
  Object.values(closeCodes).map(({ number, ...entry }) => [String(number), ...cells(entry)]),
)}
`
}

function statusSection([address, statuses]: [string, Readonly<Record<number, Entry>>]): string {
  const title = address === 'any' ? 'Any address' : `\`${address}\``
  const rows = Object.entries(statuses).map(([status, entry]) => [status, ...cells(entry)])
  return `### ${title}\n\n${markdownTable(['Status', 'Meaning', 'What to do', 'Retry'], rows)}`
}

function cells({ meaning, action, retry }: Entry): string[] {
  return action === null ? [meaning, '', ''] : [meaning, action, retry ? 'yes' : 'no']
}

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { GraphiQLOptions, Plugin } from 'graphql-yoga'
import type { HttpStatus } from '../../error-codes.ts'

const style = `
  /* GraphiQL leaves an offset on tabs that are loaded together, and a tab takes it up when it is pressed: it jumps away
     under the pointer, and the click is lost. */
  .graphiql-tab { transform: none !important }
  /* The font draws 1x1 as 1×1, which is common in ids. */
  .monaco-editor .view-lines { font-feature-settings: "liga" 0, "calt" 0 !important }
`

/** Lets the page reach nothing but this gateway, and no other page frame it: it may hold a key. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'unsafe-inline' blob:",
  'worker-src blob:',
  "style-src 'unsafe-inline'",
  'img-src data:',
  'font-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

type Page = { gzipped: Buffer<ArrayBuffer>; etag: string }

/** What the page is filled with when it serves a demo. */
export type Prefill = {
  key: string
  /** Month that there is data for. */
  month: { start: Date; end: Date }
}

const runVariables = JSON.stringify({ id: 'frr_…' }, null, 2)

const withoutKey = `{
  // "npm run keys -- create" makes a key to put here:
  // "Authorization": "Bearer sk_test_…"
}`

/** True for a browser that goes to the endpoint to look at it. */
export function wantsPage({ method, headers }: Request): boolean {
  return method === 'GET' && (headers.get('accept') ?? '').includes('text/html')
}

/**
 * Serves GraphiQL to browsers in place of GraphQL.
 *
 * @param prefill what the page is filled with; null for nothing
 */
export function graphiqlPage(prefill: Prefill | null): Plugin {
  let page: Promise<Page> | undefined
  return {
    onRequest: async ({ request, fetchAPI, endResponse }) => {
      if (!wantsPage(request)) return
      page ??= renderPage(prefill).catch((error) => {
        page = undefined
        throw error
      })
      const { gzipped, etag } = await page
      const headers = {
        'Content-Type': 'text/html; charset=utf-8',
        'Content-Encoding': 'gzip',
        'Content-Security-Policy': contentSecurityPolicy,
        'Cache-Control': 'private, no-cache',
        Vary: 'Accept',
        ETag: etag,
      }
      const isKept = request.headers.get('if-none-match') === etag
      endResponse(
        isKept
          ? new fetchAPI.Response(null, { status: 304 satisfies HttpStatus<'/graphql'>, headers })
          : new fetchAPI.Response(gzipped, { headers }),
      )
    },
  }
}

/** Renders the page from the package, whole: the default one of Yoga loads its script from a CDN. */
async function renderPage(prefill: Prefill | null): Promise<Page> {
  // Loaded when it is first asked for, because it weighs 9 MB.
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  const carryRunId = await readPagePart('carry-run-id.js')
  const html = renderGraphiQL(await graphiqlOptions(prefill))
    .replace('</head>', () => `<style>${style}</style></head>`)
    .replace('globalAPI: false', 'globalAPI: true')
    .replace(/<\/body>\s*<\/html>\s*$/, () => `<script>{\n${carryRunId}}</script></body></html>`)
  const etag = `"${createHash('sha256').update(html).digest('base64url')}"`
  // Never sent in another form: every browser takes gzip, and a client that does not say what it takes takes all.
  return { gzipped: await promisify(gzip)(html), etag }
}

async function graphiqlOptions(prefill: Prefill | null): Promise<GraphiQLOptions> {
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

function readPagePart(name: string): Promise<string> {
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

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import type { GraphiQLOptions, Plugin } from 'graphql-yoga'
import type { HttpStatus } from '../../error-codes.ts'
import { wantsPage } from '../endpoint.ts'

const style = `
  /* GraphiQL sets an offset on tabs that are loaded together and applies it when a tab is pressed: the tab moves away from
     the pointer, and the click is lost. */
  .graphiql-tab { transform: none !important }
  /* The font draws 1x1 as 1×1, and IDs often contain such text. */
  .monaco-editor .view-lines { font-feature-settings: "liga" 0, "calt" 0 !important }
`

/** Allows connections only to this gateway and forbids framing, because the page can contain an API key. */
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

type Page = { gzipped: Buffer<ArrayBuffer>; hash: string }

/** The values that the page is prefilled with for a demo. */
export type Prefill = {
  key: string
  /** A month that has data. */
  month: { start: Date; end: Date }
}

const runVariables = JSON.stringify({ id: 'frr_…' }, null, 2)

const withoutKey = `{
  // "npm run keys -- create" creates a key to put here:
  // "Authorization": "Bearer sk_test_…"
}`

/**
 * Serves GraphiQL to browsers that open the GraphQL endpoint.
 *
 * @param prefill the values that the page is prefilled with for clients on this machine; null for none
 */
export function graphiqlPage(prefill: Prefill | null): Plugin<object, { isLocal?: boolean }> {
  const pages = new Map<Prefill | null, Promise<Page>>()
  const pageWith = (values: Prefill | null): Promise<Page> => {
    const page = pages.get(values) ?? renderPage(values)
    pages.set(values, page)
    page.catch(() => pages.delete(values))
    return page
  }
  return {
    onRequest: async ({ request, serverContext, fetchAPI, endResponse }) => {
      if (!wantsPage(request.method, request.headers.get('accept'))) return
      const { gzipped, hash } = await pageWith(serverContext.isLocal ? prefill : null)
      const isGzip = acceptsGzip(request.headers.get('accept-encoding'))
      const etag = isGzip ? `"${hash}-gzip"` : `"${hash}"`
      const headers = {
        'Content-Type': 'text/html; charset=utf-8',
        ...(isGzip && { 'Content-Encoding': 'gzip' }),
        'Content-Security-Policy': contentSecurityPolicy,
        'Cache-Control': 'private, no-cache',
        ETag: etag,
      }
      const isKept = request.headers.get('if-none-match') === etag
      endResponse(
        isKept
          ? new fetchAPI.Response(null, { status: 304 satisfies HttpStatus<'/graphql'>, headers })
          : new fetchAPI.Response(isGzip ? gzipped : await promisify(gunzip)(gzipped), { headers }),
      )
    },
  }
}

/** False without the header, although it then allows any encoding: such clients cannot decompress. */
function acceptsGzip(acceptEncoding: string | null): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(acceptEncoding ?? '')
}

/** Renders the page with its scripts from the package. Yoga's default page loads them from a CDN. */
async function renderPage(prefill: Prefill | null): Promise<Page> {
  // Loaded on first use, because the package is 9 MB.
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  const parts = await Promise.all(['carry-run-id.js', 'wrap-lines.js'].map(readPagePart))
  const scripts = parts.map((script) => `<script>{\n${script}}</script>`).join('')
  const html = renderGraphiQL(await graphiqlOptions(prefill))
    .replace('</head>', () => `<style>${style}</style></head>`)
    .replace('globalAPI: false', 'globalAPI: true')
    .replace(/<\/body>\s*<\/html>\s*$/, () => `${scripts}</body></html>`)
  const hash = createHash('sha256').update(html).digest('base64url')
  // Kept only compressed, because every browser accepts that.
  return { gzipped: await promisify(gzip)(html), hash }
}

async function graphiqlOptions(prefill: Prefill | null): Promise<GraphiQLOptions> {
  const create = await readPagePart('create.graphql')
  return {
    title: 'Report Gateway',
    subscriptionsProtocol: 'WS',
    defaultHeaders:
      prefill === null ? withoutKey : JSON.stringify({ Authorization: `Bearer ${prefill.key}` }, null, 2),
    // A persisted key would outlive the data folder that it was created for.
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

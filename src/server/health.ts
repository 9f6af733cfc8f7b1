import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Prometheus } from './prometheus.ts'
import type { Readiness } from './readiness.ts'

export type OperationsOptions = {
  readiness: Readiness
  /** Null when `/metrics` is not to be served. */
  prometheus: Prometheus | null
}

type Page = () => Promise<{ status: number; body: [contentType: string, text: string] }>

/**
 * Serves `/health`, `/ready` and `/metrics` to whoever asks, whatever else the process does.
 *
 * @returns whether the path is one of these; if not, nothing was answered
 */
export function createOperationsHandler(options: OperationsOptions) {
  const pages = createPages(options)
  return async (request: IncomingMessage, response: ServerResponse, { pathname }: URL): Promise<boolean> => {
    const page = pages.get(pathname)
    if (!page) return false
    if (request.method === 'GET' || request.method === 'HEAD') {
      const { status, body } = await page()
      answer(request, response, status, body)
    } else {
      const sentence = `${pathname} can only be read: use GET or HEAD.\n`
      answer(request, response, 405, ['text/plain; charset=utf-8', sentence])
    }
    return true
  }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  [contentType, text]: [contentType: string, text: string],
): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 503 && { 'Retry-After': '1' }),
    ...(status === 405 && { Allow: 'GET, HEAD' }),
  })
  response.end(request.method === 'HEAD' ? undefined : text)
}

function json(value: object): [string, string] {
  return ['application/json; charset=utf-8', `${JSON.stringify(value)}\n`]
}

function createPages({ readiness, prometheus }: OperationsOptions): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>([
    ['/health', async () => ({ status: 200, body: json({ status: 'alive' }) })],
    [
      '/ready',
      async () => {
        const ready = await readiness.ask()
        return { status: ready.status === 'ready' ? 200 : 503, body: json(ready) }
      },
    ],
  ])
  if (prometheus) {
    pages.set('/metrics', async () => {
      const { contentType, text } = await prometheus.print()
      return { status: 200, body: [contentType, text] }
    })
  }
  return pages
}

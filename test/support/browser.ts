import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const executablePath = places.find((place) => existsSync(place))

/** True where tests that need a browser are skipped. Where changes are checked, they fail instead. */
export const isBrowserMissing = executablePath === undefined && !process.env.CI

// Without these, Chromium looks for updates and the like, on hosts of its own.
const quiet = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-quic',
  '--disable-sync',
  '--no-first-run',
]

/** A real Chromium without a window, which finds no other machine than this one. */
export async function launchBrowser(): Promise<Browser> {
  if (!executablePath) {
    throw new Error(
      `There is no Chromium at ${places.join(', ')}. On Debian and Ubuntu: apt-get install -y chromium`,
    )
  }
  return chromium.launch({
    executablePath,
    args: [...quiet, '--disable-gpu', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
  })
}

export type Frame = { sent: boolean; text: string }

export type Visit = AsyncDisposable & {
  page: Page
  /** Addresses of all that was asked for, but for what the page made itself. */
  requests: string[]
  /** Errors and warnings in the console, and errors that nothing caught. */
  complaints: string[]
  /** What went over WebSockets, in order. */
  frames: Frame[]
}

/** Opens a page in a profile of its own, and notes what it does. */
export async function visit(browser: Browser, url: string): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } })
  const page = await context.newPage()
  const requests: string[] = []
  const complaints: string[] = []
  const frames: Frame[] = []
  context.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url())) requests.push(request.url())
  })
  page.on('websocket', (socket) => {
    requests.push(socket.url())
    socket.on('framesent', ({ payload }) => frames.push({ sent: true, text: String(payload) }))
    socket.on('framereceived', ({ payload }) => frames.push({ sent: false, text: String(payload) }))
  })
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(url)
  return { page, requests, complaints, frames, [Symbol.asyncDispose]: () => context.close() }
}

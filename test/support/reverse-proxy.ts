import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pathOf } from './debian-tools.ts'
import { freePort } from './free-port.ts'

export type ProxyKind = 'nginx' | 'haproxy' | 'caddy'

export type ReverseProxy = AsyncDisposable & {
  url: string
  /** All that it has written so far. */
  output(): string
  /** Folder for the files with which nginx takes a gateway out; the other proxies ask the gateways. */
  down: string
}

type Setup = {
  /** File of `ops/`. */
  file: string
  /** What the file listens on, and what the test replaces it by. */
  listen: (text: string, port: number) => string
  /** The text around the file, if it is only a part of a configuration. */
  wrap?: (text: string, folder: string) => string
  args: (config: string) => string[]
}

const setups: Record<ProxyKind, Setup> = {
  nginx: {
    file: 'nginx.conf',
    listen: (text, port) => replaceAll(text, 'listen 80;', `listen 127.0.0.1:${port};`),
    wrap: inMainFile,
    args: (config) => ['-c', config, '-e', 'stderr'],
  },
  haproxy: {
    file: 'haproxy.cfg',
    listen: (text, port) => replaceAll(text, 'bind :80', `bind 127.0.0.1:${port}`),
    args: (config) => ['-db', '-f', config],
  },
  caddy: {
    file: 'Caddyfile',
    listen: (text, port) =>
      `{\n\tadmin off\n}\n${replaceAll(text, 'reports.example.com', `http://127.0.0.1:${port}`)}`,
    args: (config) => ['run', '--adapter', 'caddyfile', '--config', config],
  },
}

/** Starts a proxy with the file of `ops/` in front of two gateways, which may be the same, and waits until it serves them. */
export async function startReverseProxy(
  kind: ProxyKind,
  [first, second]: readonly [string, string],
): Promise<ReverseProxy> {
  const { file, listen } = setups[kind]
  const text = await readFile(fileURLToPath(new URL(`../../ops/${file}`, import.meta.url)), 'utf8')
  const gateways = replaceAll(
    replaceAll(text, '127.0.0.1:4000', new URL(first).host),
    '127.0.0.1:4001',
    new URL(second).host,
  )
  return run(kind, (port) => listen(gateways, port))
}

/** Starts nginx with nothing but `proxy_pass`, and more directives for the server if needed. */
export function startBareNginx(gatewayUrl: string, directives = ''): Promise<ReverseProxy> {
  return run(
    'nginx',
    (port) => `server { listen 127.0.0.1:${port}; ${directives} location / { proxy_pass ${gatewayUrl}; } }`,
  )
}

async function run(kind: ProxyKind, configure: (port: number) => string): Promise<ReverseProxy> {
  await using cleanup = new AsyncDisposableStack()
  const { args, wrap } = setups[kind]
  const folder = await mkdtemp(join(tmpdir(), `report-gateway-${kind}-`))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  const config = join(folder, 'config')
  const down = join(folder, 'down')
  await mkdir(down)
  const text = configure(port).replaceAll('/run/report-gateway-down', down)
  await writeFile(config, wrap ? wrap(text, folder) : text)
  const child = spawn(pathOf(kind), args(config), {
    env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  }
  const exited = once(child, 'exit')
  cleanup.defer(async () => {
    // SIGTERM ends each of them without waiting for connections.
    child.kill('SIGTERM')
    await exited
  })
  const url = `http://127.0.0.1:${port}`
  const limit = Date.now() + 30_000
  while (!(await isServing(url))) {
    if (child.exitCode !== null || Date.now() > limit) throw new Error(`${kind} does not serve:\n${output}`)
    await delay(50)
  }
  const started = cleanup.move()
  return { url, down, output: () => output, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

async function isServing(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`)).status === 200
  } catch {
    return false
  }
}

/** A file of conf.d in a main file that needs no rights and keeps everything in the folder. */
function inMainFile(text: string, folder: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const folders = kinds.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')
  return `daemon off; user root; worker_processes 2; pid ${folder}/pid; error_log stderr warn;
events {}
http { access_log off; ${folders}
${text}
}`
}

/** @throws Error when there is nothing to replace, so that a changed file does not make a test pass in vain */
function replaceAll(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`"${from}" is not in:\n${text}`)
  return text.replaceAll(from, to)
}

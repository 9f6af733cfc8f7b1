import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startOurs } from '../framework/ours.ts'
import { startPeer } from '../framework/peers.ts'
import { pinnedTo } from '../framework/pinned.ts'
import { findProgram } from '../framework/programs.ts'
import { runReport } from '../framework/report-runs.ts'
import { type CaseResult, type GoalResult, ratioGoal } from '../framework/result.ts'
import type { Row } from '../framework/row.ts'
import { wholeLedger } from './copy/report-sql.ts'
import { startNginx } from './download/nginx.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('./download/download-process.ts', import.meta.url))
const mebibyte = 1024 * 1024

export const download: Row = {
  name: 'download',
  work: 'The CSV file of the row `copy` by its signed link, whole and in ranges of 1 MiB, over one connection.',
  figures: [{ name: 'MB/s', unit: '', decimals: 0 }],
  chart: 'MB/s',
  peers: ['floor'],
  async run(bench) {
    await using servers = new AsyncDisposableStack()
    const { accounts, environment, ledger } = await bench.ledgerDatabase()
    const ours = servers.use(await startOurs(environment))
    const client = { url: ours.url, key: accounts[0]?.key ?? '' }
    const { files } = await runReport(client, wholeLedger(ledger, 'CSV'))
    const [file] = files
    if (!file) throw new Error('The run has no file.')
    const path = await findFile(environment.DATA_DIR, file.byteSize)
    const peer = servers.use(await startPeer('floor', { FILE: path }, 'file-server.js'))
    const sides = new Map([
      ['ours', file.url],
      ['node stream', peer.url],
    ])
    const nginx = findProgram('nginx')
    if (nginx) sides.set('nginx', servers.use(await startNginx(nginx, path, await bench.makeFolder())).url)
    else bench.note('nginx is left out: it is not installed (Debian: nginx-light).')
    for (const [name, url] of sides) {
      const hash = createHash('sha256')
        .update(Buffer.from(await (await fetch(url)).arrayBuffer()))
        .digest('hex')
      if (hash !== file.sha256) throw new Error(`${name} serves another file: ${hash}, not ${file.sha256}.`)
    }

    const measure = (name: string, times: number, range: number, expected: number): Promise<CaseResult> =>
      bench.measure(
        name,
        [...sides].map(([side, url]) => ({
          name: side,
          measure: () => fetchFile(url, times, range, expected),
        })),
      )
    const ranges = Math.min(100, Math.floor(file.byteSize / mebibyte))
    const cases = [
      await measure('whole', 2, 0, 2 * file.byteSize),
      ...(ranges > 0 ? [await measure('ranges of 1 MiB', ranges, mebibyte, ranges * mebibyte)] : []),
    ]
    const goals: GoalResult[] = cases.flatMap((one) => [
      ...ratioGoal(one, ['ours', 'node stream'], 'MB/s', 'at least', 1.3),
      ...ratioGoal(one, ['ours', 'nginx'], 'MB/s', 'at least', 0.5),
    ])
    return { cases, goals }
  },
}

async function fetchFile(url: string, times: number, range: number, expected: number) {
  const { program, args } = pinnedTo('load', {
    program: process.execPath,
    args: [script, url, String(times), String(range)],
  })
  const { stdout } = await run(program, [...args])
  const { bytes, seconds }: { bytes: number; seconds: number } = JSON.parse(stdout)
  if (bytes !== expected) throw new Error(`${url} gave ${bytes} bytes of ${expected}.`)
  return { 'MB/s': bytes / 1e6 / seconds }
}

/** The stored file of that size. */
async function findFile(folder: string, size: number): Promise<string> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && (await stat(path)).size === size) return path
  }
  throw new Error(`There is no file of ${size} bytes in ${folder}.`)
}

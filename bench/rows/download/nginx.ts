import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../../test/support/free-port.ts'
import { end, endWithThisProcess, pinnedTo } from '../../framework/pinned.ts'

/** Serves the folder of a file by nginx with one worker and sendfile, and gives the address of the file. */
export async function startNginx(
  program: string,
  file: string,
  folder: string,
): Promise<AsyncDisposable & { url: string }> {
  const port = await freePort()
  const config = join(folder, 'nginx.conf')
  await chmod(folder, 0o755)
  await writeFile(
    config,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr; user root;
    events {}
    http {
      access_log off; sendfile on; tcp_nopush on;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      server { listen 127.0.0.1:${port}; root ${dirname(file)}; }
    }`,
  )
  const { program: started, args } = pinnedTo('side', { program, args: ['-c', config, '-e', 'stderr'] })
  const child = spawn(started, args, { stdio: 'ignore' })
  endWithThisProcess(child)
  await once(child, 'spawn')
  const url = `http://127.0.0.1:${port}/${file.slice(dirname(file).length + 1)}`
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(url, { method: 'HEAD' }).catch(() => null)
    if (response?.ok) break
    if (attempt === 100) throw new Error(`nginx does not serve ${file}: ${response?.status}.`)
    await delay(50)
  }
  return { url, [Symbol.asyncDispose]: () => end(child) }
}

import { existsSync } from 'node:fs'
import { describe } from 'vitest'

/** Programs that tests in test/operations run, and the Debian package that installs each. */
const tools = {
  nginx: { path: '/usr/sbin/nginx', debianPackage: 'nginx-light' },
  haproxy: { path: '/usr/sbin/haproxy', debianPackage: 'haproxy' },
  caddy: { path: '/usr/bin/caddy', debianPackage: 'caddy' },
  pgbouncer: { path: '/usr/sbin/pgbouncer', debianPackage: 'pgbouncer' },
  /** The folder of PostgreSQL 15's programs is that of this file. */
  postgres15: { path: '/usr/lib/postgresql/15/bin/postgres', debianPackage: 'postgresql-15' },
  faketime: { path: '/usr/bin/faketime', debianPackage: 'faketime' },
  promtool: { path: '/usr/bin/promtool', debianPackage: 'prometheus' },
  systemdAnalyze: { path: '/usr/bin/systemd-analyze', debianPackage: 'systemd' },
  openssl: { path: '/usr/bin/openssl', debianPackage: 'openssl' },
} as const

export type DebianTool = keyof typeof tools

/** Path of the program. */
export function pathOf(tool: DebianTool): string {
  return tools[tool].path
}

/** Tests that need the programs. Where one is missing, they are skipped with a sentence, but fail in CI. */
export function describeWith(needed: readonly DebianTool[], name: string, define: () => void): void {
  const missing = needed.filter((tool) => !existsSync(pathOf(tool)))
  if (missing.length === 0 || process.env.CI) return void describe(name, define)
  const packages = missing.map((tool) => tools[tool].debianPackage).join(' ')
  describe.skip(`${name} (skipped: on Debian and Ubuntu, apt-get install ${packages})`, define)
}

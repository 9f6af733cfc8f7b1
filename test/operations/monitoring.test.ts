import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { describeWith, pathOf } from '../support/debian-tools.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createSlowRun, endOf, slowReport } from '../support/slow-report.ts'

const root = join(import.meta.dirname, '..', '..')
const ops = join(root, 'ops')
const run = promisify(execFile)

const dashboardSchema = z.object({
  panels: z
    .array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })).min(1) }))
    .min(10),
})

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-monitoring-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

function metricsIn(text: string): string[] {
  return [...new Set(text.match(/\b(?:report_gateway|process)_\w+/g))]
}

test('each metric that the alert rules and the dashboard name is in /metrics', async () => {
  await using gateway = await startTestGateway({ reportTypes: [slowReport] })
  const { client } = await gateway.createAccount()
  await endOf(client, await createSlowRun(client, { rows: '3', fails_at: '2' }))
  const response = await fetch(`${gateway.url}/metrics`)
  const names = [...(await response.text()).matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(
    ([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  )
  const rules = await readFile(join(ops, 'prometheus', 'report-gateway.rules.yml'), 'utf8')
  const dashboard = dashboardSchema.parse(
    JSON.parse(await readFile(join(ops, 'grafana', 'report-gateway.json'), 'utf8')),
  )
  const drawn = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join('\n')
  expect(metricsIn(drawn).length).toBeGreaterThan(20)
  for (const text of [rules, drawn]) {
    expect(metricsIn(text).filter((name) => !names.includes(name))).toEqual([])
  }
})

describeWith(['promtool'], 'Prometheus', () => {
  test('accepts the alert rules, and their unit tests pass', async () => {
    const options = { cwd: join(ops, 'prometheus') }
    await run(pathOf('promtool'), ['check', 'rules', 'report-gateway.rules.yml'], options)
    await run(pathOf('promtool'), ['test', 'rules', 'report-gateway.test.yml'], options)
  })

  test('accepts /metrics and each expression of the dashboard', async () => {
    await using gateway = await startTestGateway({ config: { role: 'gateway' } })
    const text = await (await fetch(`${gateway.url}/metrics`)).text()
    const checked = run(pathOf('promtool'), ['check', 'metrics'])
    checked.child.stdin?.end(text)
    // It has advice for names of Node's own metrics, and ends with another code for an error of the format.
    const { stderr, code } = await checked.then(
      (ended) => ({ ...ended, code: 0 }),
      (error) => error,
    )
    expect({ stderr, code }).not.toMatchObject({ code: 1 })
    expect(stderr).not.toContain('report_gateway_')

    const dashboard = dashboardSchema.parse(
      JSON.parse(await readFile(join(ops, 'grafana', 'report-gateway.json'), 'utf8')),
    )
    const file = join(await temporaryFolder(), 'rules.yml')
    const rules = dashboard.panels.flatMap(({ targets }) =>
      targets.map(({ expr }, at) => ({
        record: `panel_${at}`,
        expr: expr.replaceAll('$__rate_interval', '5m'),
      })),
    )
    await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
    await run(pathOf('promtool'), ['check', 'rules', '--lint=none', file])
  })
})

describeWith(['systemdAnalyze'], 'systemd', () => {
  test.each(['gateway', 'worker'])('accepts the unit of a %s without a warning', async (role) => {
    const folder = await temporaryFolder()
    const unit = await readFile(join(ops, 'systemd', 'report-gateway@.service'), 'utf8')
    await writeFile(join(folder, 'report-gateway@.service'), unit.replaceAll('/opt/report-gateway', root))
    const { stdout, stderr } = await run(pathOf('systemdAnalyze'), [
      ...['verify', join(folder, `report-gateway@${role}.service`)],
    ])
    expect(stdout + stderr).toBe('')
  })
})

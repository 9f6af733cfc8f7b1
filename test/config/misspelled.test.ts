import { expect, test } from 'vitest'
import { variableNames } from '../../src/config/config.ts'
import { findMisspelled } from '../../src/config/misspelled.ts'

test.each([
  ['CONCURENCY', 'CONCURRENCY'],
  ['CONCURRENCY_', 'CONCURRENCY'],
  ['DATABSE_URL', 'DATABASE_URL'],
  ['DATADIR', 'DATA_DIR'],
  ['REPORT_DIR', 'REPORTS_DIR'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['log_level', 'LOG_LEVEL'],
  ['PROT', 'PORT'],
  ['STRIPE_API_KEYS', 'STRIPE_API_KEY'],
  ['REPORT_GATEWAY_KYE', 'REPORT_GATEWAY_KEY'],
])('%s is named with the right name %s', (given, right) => {
  expect(findMisspelled([given], variableNames())).toEqual([
    `The variable ${given} has no effect. Did you mean ${right}?`,
  ])
})

test.each(['S3_ACCESS_KEY', 'REPORT_GATEWAY_TOKEN', 'REPORTS_TIMEOUT_MILLISECONDS'])(
  '%s looks like a variable of the gateway, and is named',
  (name) => {
    expect(findMisspelled([name], variableNames())).toEqual([
      `The variable ${name} has no effect. The gateway has no variable of this name.`,
    ])
  },
)

test('variables that a system, a shell, npm, Docker or Kubernetes sets are not named', () => {
  const common = `HOME HOSTNAME HOSTTYPE MACHTYPE OSTYPE PATH PWD OLDPWD SHELL SHLVL USER LOGNAME LANG LC_ALL TERM TERM_PROGRAM
    EDITOR VISUAL PAGER MAIL TZ TMPDIR DISPLAY COLUMNS LINES PS1 IFS UID CI DEBUG NODE_ENV NODE_OPTIONS NODE_PATH INIT_CWD
    NO_COLOR FORCE_COLOR COLORTERM http_proxy HTTPS_PROXY NO_PROXY AWS_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    OTEL_SERVICE_NAME OTEL_EXPORTER_OTLP_ENDPOINT PGHOST PGPORT PGUSER PGPASSWORD npm_config_port npm_package_name
    KUBERNETES_SERVICE_HOST KUBERNETES_PORT REPORT_GATEWAY_SERVICE_HOST REPORT_GATEWAY_SERVICE_PORT_HTTP REPORT_GATEWAY_PORT
    REPORT_GATEWAY_PORT_4000_TCP REPORT_GATEWAY_PORT_4000_TCP_ADDR REPORTS_SERVICE_PORT INVOCATION_ID JOURNAL_STREAM
    NOTIFY_SOCKET SSH_AUTH_SOCK XDG_DATA_DIRS XDG_DATA_HOME XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS`
  expect(findMisspelled(common.split(/\s+/), variableNames())).toEqual([])
  expect(findMisspelled(variableNames(), variableNames())).toEqual([])
})

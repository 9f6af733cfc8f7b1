type Environment = Readonly<Record<string, string | undefined>>

/** Variables with an address that telemetry is sent to. */
const endpoints = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
]
/** Variables with names of exporters. */
const exporters = ['OTEL_TRACES_EXPORTER', 'OTEL_METRICS_EXPORTER']

/** True when a standard variable of OpenTelemetry asks for traces or metrics. */
export function usesOpenTelemetry(environment: Environment): boolean {
  if (environment.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return false
  const asked = exporters.map((name) => environment[name]?.trim() ?? '')
  if (asked.every((exporter) => exporter === 'none')) return false
  return endpoints.some((name) => environment[name]) || asked.some((name) => name !== '' && name !== 'none')
}

import { setTimeout as delay } from 'node:timers/promises'
import { DiagLogLevel, diag, type Meter, metrics, type Observable, trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import type { Logger } from 'pino'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Telemetry } from './telemetry.ts'
import { createIdGenerator, createTracing } from './tracing.ts'

const scope = 'report-gateway'
/** A collector that does not answer must not delay the end of the process for longer. */
const stopMilliseconds = 3_000

/**
 * Starts the SDK of OpenTelemetry, which reads the standard variables `OTEL_*` itself. Once in a process, because the SDK is
 * global. This module is loaded only when it is used.
 */
export function startOpenTelemetry(
  environment: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): Telemetry {
  const isNamed =
    environment.OTEL_SERVICE_NAME || /\bservice\.name=/.test(environment.OTEL_RESOURCE_ATTRIBUTES ?? '')
  const ids = createIdGenerator()
  // The log stays on standard error.
  const sdk = new NodeSDK({
    idGenerator: ids,
    logRecordProcessors: [],
    ...(!isNamed && { serviceName: scope }),
  })
  const warn = (message: string): void =>
    logger.warn({ reason: message }, 'OpenTelemetry reported a problem.')
  const nothing = (): void => {}
  if (!environment.OTEL_LOG_LEVEL) {
    diag.setLogger({ error: warn, warn, info: nothing, debug: nothing, verbose: nothing }, DiagLogLevel.WARN)
  }
  sdk.start()
  const meter = metrics.getMeter(scope)
  return {
    tracing: createTracing(trace.getTracer(scope), ids),
    createHistogram: (name, description, buckets) => {
      const advice = { explicitBucketBoundaries: [...buckets] }
      const histogram = meter.createHistogram(name, { description, advice })
      return (value, labels) => histogram.record(value, labels)
    },
    sendMetrics: (registry) => observe(meter, registry),
    stop: async () => {
      const stopped = sdk.shutdown().catch((error: unknown) => warn(String(error)))
      await Promise.race([stopped, delay(stopMilliseconds, undefined, { ref: false })])
    },
  }
}

/** Reads the registry each time that metrics are sent, so that no counter or gauge is written twice. */
function observe(meter: Meter, registry: Registry): void {
  const instruments = new Map<string, Observable>()
  for (const metric of registry.getMetricsAsArray()) {
    const { name, help: description } = metric
    if (metric instanceof Counter) instruments.set(name, meter.createObservableCounter(name, { description }))
    if (metric instanceof Gauge) instruments.set(name, meter.createObservableGauge(name, { description }))
  }
  meter.addBatchObservableCallback(
    async (result) => {
      for (const { name, values } of await registry.getMetricsAsJSON()) {
        const instrument = instruments.get(name)
        if (!instrument) continue
        for (const { value, labels } of values)
          if (!Number.isNaN(value)) result.observe(instrument, value, { ...labels })
      }
    },
    [...instruments.values()],
  )
}

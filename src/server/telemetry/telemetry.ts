import type { Registry } from 'prom-client'
import type { Tracing } from '../../tracing.ts'

export type Labels = Readonly<Partial<Record<string, string | number>>>

/** Sends traces and metrics elsewhere, while `/metrics` stays as it is. */
export type Telemetry = {
  tracing: Tracing
  /** Creates a histogram, and returns the function that records a value. */
  createHistogram(
    name: string,
    help: string,
    buckets: readonly number[],
  ): (value: number, labels: Labels) => void
  /** Sends the counters and gauges of a registry, which must be complete. Histograms are recorded one by one. */
  sendMetrics(registry: Registry): void
  /** Sends what is left, for at most some seconds. */
  stop(): Promise<void>
}

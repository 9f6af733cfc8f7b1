import { ClientError, StoppedError } from './client-error.ts'
import { followReportRun } from './follow-report-run.ts'
import { count, createProgressDisplay, type ProgressDisplay } from './progress-display.ts'
import {
  type CreateReportRunInput,
  cancelReportRun,
  createReportRun,
  type ReportFile,
  type ReportRun,
} from './report-run.ts'
import type { GatewayAddress } from './request-graphql.ts'
import { pipeReportFile, saveReportFile } from './save-report-file.ts'

export type RunReportOptions = {
  gateway: GatewayAddress
  input: CreateReportRunInput
  /** File to write; null for the file's own name in the current folder; or a stream to write to instead. */
  output: string | null | NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  /** Cancels the run, or ends the download. */
  signal: AbortSignal
}

/**
 * Creates a run, follows it to its end, and downloads its file.
 *
 * @returns a line that summarizes what was written
 * @throws ClientError when the run ends without a file
 * @throws StoppedError when the signal aborted; the run's cancellation has been requested
 */
export async function runReport(options: RunReportOptions): Promise<string> {
  const { gateway, input, stderr, signal } = options
  const startedAt = performance.now()
  if (signal.aborted) throw new StoppedError('Stopped before the run was created.')
  // Not aborted by the signal: without the response, a run that was created could not be canceled.
  const created = await createReportRun(gateway, input)
  const mode = created.livemode ? 'live' : 'test'
  stderr.write(`${created.id}  ${created.reportType.name}  ${mode} mode\n`)
  const display = createProgressDisplay(stderr)
  try {
    const run = await follow(options, created.id, display)
    const file = fileOf(run)
    const name = await save(options, file, display)
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    return `${count(run.result?.rowCount ?? 0)} rows  ${count(file.byteSize)} bytes  ${seconds} s  sha256 ${file.sha256}  ${name}`
  } catch (error) {
    throw signal.aborted ? await stop(gateway, created) : error
  } finally {
    display.end()
  }
}

function fileOf(run: ReportRun): ReportFile {
  if (run.status === 'FAILED') {
    throw new ClientError(
      `${run.failure?.message ?? 'The run failed.'}\nTrace id ${run.failure?.traceId}, run ${run.id}`,
    )
  }
  if (run.status === 'CANCELED') {
    const who = run.cancellation?.requestedBy?.displayName ?? 'someone'
    const why = run.cancellation?.reason ? `: ${run.cancellation.reason}` : '.'
    throw new ClientError(`The run ${run.id} was canceled by ${who}${why}`)
  }
  const [file] = run.result?.files ?? []
  if (!file) throw new ClientError(`The run ${run.id} ended as ${run.status}, without a file.`)
  return file
}

async function follow(options: RunReportOptions, id: string, display: ProgressDisplay): Promise<ReportRun> {
  for await (const run of followReportRun(options.gateway, id, options.signal)) {
    display.showRun(run)
    if (run.isFinal) return run
  }
  throw new ClientError(`The connection to the gateway was lost before the run ${id} ended.`)
}

// The gateway chooses the name, but not the folder: any path in the name is removed.
function localName(filename: string): string {
  return filename.replace(/^.*[/\\]/s, '').replace(/^\.+/, '') || 'report'
}

/** Saves the file. Returns where it was written. */
async function save(
  { output, signal }: RunReportOptions,
  file: ReportFile,
  display: ProgressDisplay,
): Promise<string> {
  const onBytes = (bytes: number): void => display.showBytes(bytes, Number(file.byteSize))
  if (output !== null && typeof output !== 'string') {
    await pipeReportFile(file, output, { signal, onBytes })
    return 'standard output'
  }
  const path = output ?? localName(file.filename)
  await saveReportFile(file, path, { signal, onBytes })
  return path
}

/** Cancels the run after Ctrl-C. The error states whether the gateway still works on the run. */
async function stop(gateway: GatewayAddress, { id }: ReportRun): Promise<StoppedError> {
  try {
    const { status } = await cancelReportRun(gateway, id, 'Stopped in the terminal')
    return new StoppedError(`Stopped. The run ${id} is ${status}.`)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    return new StoppedError(`Stopped. The run ${id} was not canceled: ${why}`, { cause })
  }
}

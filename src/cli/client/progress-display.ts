import type { ReportRun } from './report-run.ts'

export type ProgressDisplay = ReturnType<typeof createProgressDisplay>

export type View = {
  stage: string
  /** 0 to 100; null while unknown. */
  percent: number | null
  details: readonly string[]
}

/** Characters between the brackets of the bar. */
const width = 14
/** A download reports progress far more often than a person can read. */
const redrawMilliseconds = 100

/** Formats a whole number with thousands separators: `1,234,567`. */
export function count(value: string | number): string {
  return BigInt(value).toLocaleString('en')
}

const stages: Record<string, string> = {
  PENDING: 'Waiting in the queue',
  RUNNING: 'Running',
  CANCELING: 'Canceling',
  CANCELED: 'Canceled',
  FAILED: 'Failed',
  SUCCEEDED: 'Done',
}

/** A progress bar on a terminal, plain lines anywhere else. */
export function createProgressDisplay(stream: NodeJS.WriteStream) {
  const show = stream.isTTY ? createBar(stream) : createLines(stream)
  return {
    showRun: (run: ReportRun) => show(viewOfRun(run)),
    showBytes: (bytes: number, expected: number) => show(viewOfBytes(bytes, expected)),
    show,
    /** Clears the line for the next output. */
    end: () => {
      if (stream.isTTY) stream.write('\r\x1b[K')
    },
  }
}

/** Formats seconds: `8 s`, `2 min 5 s`. */
function formatSeconds(seconds: number): string {
  const whole = Math.ceil(Math.max(seconds, 0))
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}

function viewOfRun({ status, progress }: ReportRun): View {
  const stage = (status === 'RUNNING' && progress?.stage) || (stages[status] ?? status)
  if (!progress) return { stage, percent: null, details: [] }
  const { rowsWritten, rowsExpected, measuredAt, estimatedFinishAt } = progress
  const rows =
    rowsExpected === null
      ? `${count(rowsWritten)} rows`
      : `${count(rowsWritten)} of ${count(rowsExpected)} rows`
  // Both times come from the gateway's clock, so the local clock does not matter.
  const left =
    estimatedFinishAt === null ? null : (Date.parse(estimatedFinishAt) - Date.parse(measuredAt)) / 1000
  return {
    stage,
    percent: progress.percent,
    details: left === null ? [rows] : [rows, `${formatSeconds(left)} left`],
  }
}

function viewOfBytes(bytes: number, expected: number): View {
  return {
    stage: 'Downloading',
    percent: expected === 0 ? 100 : (bytes / expected) * 100,
    details: [`${count(bytes)} of ${count(expected)} bytes`],
  }
}

function bar(percent: number | null): string {
  const filled = Math.round(((percent ?? 0) / 100) * width)
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}]`
}

function text({ stage, percent, details }: View): string {
  return [...(percent === null ? [] : [`${percent.toFixed(1).padStart(5)} %`]), stage, ...details].join('  ')
}

/** Redraws one line, which is shorter than the terminal is wide, because a wrapped line cannot be overwritten. */
function createBar(stream: NodeJS.WriteStream): (view: View) => void {
  let drawn = { at: Number.NEGATIVE_INFINITY, stage: '' }
  return (view) => {
    const isSoon = performance.now() - drawn.at < redrawMilliseconds
    if (isSoon && view.stage === drawn.stage) return
    drawn = { at: performance.now(), stage: view.stage }
    const line = `${bar(view.percent)} ${text(view)}`.slice(0, Math.max(1, (stream.columns || 80) - 1))
    stream.write(`\r${line}\x1b[K`)
  }
}

/** Writes a line for each stage and each ten percent, for log files, where nothing can be overwritten. */
function createLines(stream: NodeJS.WriteStream): (view: View) => void {
  let last = ''
  return (view) => {
    const step = `${view.stage} ${Math.floor((view.percent ?? 0) / 10)}`
    if (step === last) return
    last = step
    stream.write(`${text(view)}\n`)
  }
}

import { Transform } from 'node:stream'
import { Worker } from 'node:worker_threads'
import { bytesPerGroup, rowsPerGroup } from './binary-rows.ts'
import { UnwritableValueError } from './column-types.ts'
import type { EncoderAnswer, EncoderRequest, EncoderTask } from './encoder-thread.ts'

type ParquetTask = EncoderTask & {
  rows: number
}

/** Assumed average size of a value; the real size is not known in advance. */
const bytesPerValue = 128

/**
 * Converts the output of `COPY … (format binary)` into a Parquet file. A separate thread encodes it, so that the encoding
 * does not block the process, and so that its memory has a limit.
 */
export function createParquetStream(task: ParquetTask): { stream: Transform; rows: () => number } {
  let encoder: ReturnType<typeof startEncoder> | null = null
  let rows = 0

  const encode = async (request: EncoderRequest): Promise<Uint8Array> => {
    encoder ??= startEncoder(task)
    const answer = await encoder.ask(request)
    if ('refusal' in answer) throw new UnwritableValueError(answer.refusal)
    rows = answer.rows
    return answer.bytes
  }

  const stream = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      encode(ownMemory(chunk)).then((bytes) => done(null, bytes), done)
    },
    flush: (done) => {
      encode(null).then((bytes) => done(null, bytes), done)
    },
    destroy: (error, done) => {
      const stopped = encoder?.stop() ?? Promise.resolve()
      stopped.then(() => done(error), done)
    },
  })
  return { stream, rows: () => rows }
}

/**
 * The encoder creates many small objects, which a small heap collects sooner. Its code stays in memory (6 MB), and so does
 * the metadata of each column of each row group (less than 3 kB). A report that needs more, because its values are long,
 * fails alone and does not end the process.
 */
function resourceLimitsOf({ columns, rows }: ParquetTask) {
  const groups = rows * Math.max(1 / rowsPerGroup, (columns.length * bytesPerValue) / bytesPerGroup)
  return {
    // The V8 flag that `npm start` sets takes precedence: 4 MB for each half.
    maxYoungGenerationSizeMb: 1,
    // While it is loaded, the code needs twice as much.
    maxOldGenerationSizeMb: Math.ceil(Math.max(16, 6 + 0.003 * columns.length * groups)),
  }
}

/** The chunk itself when it owns its whole buffer, so that the buffer can be transferred; otherwise a copy. */
function ownMemory(chunk: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer } = chunk
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength
  return isWhole ? new Uint8Array(buffer) : Uint8Array.from(chunk)
}

function startEncoder(task: ParquetTask) {
  const { columns, compression } = task
  const thread = new Worker(new URL('./encoder-thread.ts', import.meta.url), {
    workerData: { columns, compression } satisfies EncoderTask,
    resourceLimits: resourceLimitsOf(task),
  })
  let fault: Error | null = null
  let waiting: PromiseWithResolvers<EncoderAnswer> | null = null
  const fail = (error: Error): void => {
    fault ??= error
    waiting?.reject(fault)
  }
  thread.on('message', (answer: EncoderAnswer) => waiting?.resolve(answer))
  thread.on('error', fail)
  thread.on('exit', () => fail(new Error('The thread of a Parquet file ended unexpectedly.')))
  return {
    ask: (request: EncoderRequest): Promise<EncoderAnswer> => {
      waiting = Promise.withResolvers()
      if (fault) waiting.reject(fault)
      else thread.postMessage(request, request ? [request.buffer] : [])
      return waiting.promise
    },
    stop: () => thread.terminate(),
  }
}

import { Transform } from 'node:stream'
import { Worker } from 'node:worker_threads'
import { bytesPerGroup, rowsPerGroup } from './binary-rows.ts'
import { UnwritableValueError } from './column-types.ts'
import type { EncoderAnswer, EncoderRequest, EncoderTask } from './encoder-thread.ts'

type ParquetTask = EncoderTask & {
  rows: number
}

/** Of a value on average: its real size shows only as it comes. */
const bytesPerValue = 128

/**
 * Turns what `COPY … (format binary)` writes into a Parquet file. It is encoded in a thread of its own, because that takes
 * long enough to hold up whatever else the process does, and so that the memory for it has a limit.
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
 * The encoder makes many small objects, which are collected the sooner the less room there is. What stays is its code, in
 * 6 MB, and what the end of the file says of each column of each row group, at last in less than 3 kB. A report that needs
 * more, because its values are long, fails alone, and not the process with it.
 */
function resourceLimitsOf({ columns, rows }: ParquetTask) {
  const groups = rows * Math.max(1 / rowsPerGroup, (columns.length * bytesPerValue) / bytesPerGroup)
  return {
    // The flag of V8 that `npm start` has goes before it: 4 MB for each half.
    maxYoungGenerationSizeMb: 1,
    // The code takes twice as much while it is loaded.
    maxOldGenerationSizeMb: Math.ceil(Math.max(16, 6 + 0.003 * columns.length * groups)),
  }
}

/** The chunk itself when it has its memory for itself, so that it can be handed over; otherwise a copy that has. */
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
  thread.on('exit', () => fail(new Error('The thread of a Parquet file ended too early.')))
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

import { Transform } from 'node:stream'
import { Worker } from 'node:worker_threads'
import type { EncoderAnswer, EncoderRequest, EncoderTask } from './encoder-thread.ts'
import { UnwritableValueError } from './unwritable-value.ts'

/**
 * The encoder makes many small objects, which are collected the sooner the less room there is. What has to stay grows with
 * the columns: their values of a row group, and what the end of the file says of each. A report that needs more fails alone,
 * and not the process with it.
 */
const roomFor = (columns: number) => ({
  maxYoungGenerationSizeMb: 1,
  maxOldGenerationSizeMb: 32 + 4 * columns,
})

type Encoder = {
  ask(request: EncoderRequest): Promise<EncoderAnswer>
  stop(): Promise<unknown>
}

/** One request at a time. */
const startEncoder = (task: EncoderTask): Encoder => {
  const thread = new Worker(new URL('./encoder-thread.ts', import.meta.url), {
    workerData: task,
    resourceLimits: roomFor(task.columns.length),
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
    ask: (request) => {
      waiting = Promise.withResolvers()
      if (fault) waiting.reject(fault)
      else thread.postMessage(request, request ? [request.buffer] : [])
      return waiting.promise
    },
    stop: () => thread.terminate(),
  }
}

/**
 * Turns what `COPY … (format binary)` writes into a Parquet file. It is encoded in a thread of its own, because that takes
 * long enough to hold up whatever else the process does, and so that the memory for it has a limit.
 */
export const createParquetStream = (task: EncoderTask): { stream: Transform; rows: () => number } => {
  let encoder: Encoder | null = null
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
      // A copy, since the chunk's memory is not handed over with it.
      encode(Uint8Array.from(chunk)).then((bytes) => done(null, bytes), done)
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

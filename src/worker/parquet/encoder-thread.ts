// What runs in the thread of a Parquet file: see parquet-stream.ts, which starts it. Imported anywhere else, it does nothing.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Compression } from '../../postgres/generated/prisma/client.ts'
import { type ParquetColumn, UnwritableValueError } from './column-types.ts'
import { createParquetEncoder } from './encoder.ts'

export type EncoderTask = { columns: readonly ParquetColumn[]; compression: Compression }

/** The next bytes of Postgres; null for their end. */
export type EncoderRequest = Uint8Array<ArrayBuffer> | null

/** One for each request: bytes of the file and all rows taken so far, or why a value cannot be written. */
export type EncoderAnswer = { bytes: Uint8Array<ArrayBuffer>; rows: number } | { refusal: string }

function serve(port: MessagePort, { columns, compression }: EncoderTask): void {
  const encoder = createParquetEncoder(columns, compression)
  const encode = (request: EncoderRequest): Uint8Array<ArrayBuffer> => {
    if (!request) return encoder.end()
    const bytes = encoder.take(request)
    // Frees the memory at once: what waits to be collected adds up to megabytes.
    request.buffer.transfer(0)
    return bytes
  }
  const answer = (request: EncoderRequest): EncoderAnswer => {
    try {
      return { bytes: encode(request), rows: encoder.rows() }
    } catch (error) {
      // The class of an error does not outlast the way to another thread.
      if (error instanceof UnwritableValueError) return { refusal: error.message }
      throw error
    }
  }
  port.on('message', (request: EncoderRequest) => {
    const given = answer(request)
    port.postMessage(given, 'bytes' in given ? [given.bytes.buffer] : [])
  })
}

// Only parquet-stream.ts starts it, with such a task.
if (parentPort) serve(parentPort, workerData as EncoderTask)

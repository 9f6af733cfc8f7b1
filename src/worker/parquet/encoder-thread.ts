// Runs in the thread that parquet-stream.ts starts for a Parquet file. When the main thread imports it, it does nothing.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Compression } from '../../postgres/generated/prisma/client.ts'
import { type ParquetColumn, UnwritableValueError } from './column-types.ts'
import { createParquetEncoder } from './encoder.ts'

export type EncoderTask = { columns: readonly ParquetColumn[]; compression: Compression }

/** The next bytes from Postgres; null at the end. */
export type EncoderRequest = Uint8Array<ArrayBuffer> | null

/** One for each request: the next bytes of the file and the number of rows so far, or why a value cannot be written. */
export type EncoderAnswer = { bytes: Uint8Array<ArrayBuffer>; rows: number } | { refusal: string }

function serve(port: MessagePort, { columns, compression }: EncoderTask): void {
  const encoder = createParquetEncoder(columns, compression)
  const encode = (request: EncoderRequest): Uint8Array<ArrayBuffer> => {
    if (!request) return encoder.end()
    const bytes = encoder.take(request)
    // Frees the memory at once: buffers that wait for garbage collection add up to megabytes.
    request.buffer.transfer(0)
    return bytes
  }
  const answer = (request: EncoderRequest): EncoderAnswer => {
    try {
      return { bytes: encode(request), rows: encoder.rows() }
    } catch (error) {
      // An error loses its class on the way to another thread.
      if (error instanceof UnwritableValueError) return { refusal: error.message }
      throw error
    }
  }
  port.on('message', (request: EncoderRequest) => {
    const given = answer(request)
    port.postMessage(given, 'bytes' in given ? [given.bytes.buffer] : [])
  })
}

// A cast, because workerData is untyped: only parquet-stream.ts starts this thread, with an EncoderTask.
if (parentPort) serve(parentPort, workerData as EncoderTask)

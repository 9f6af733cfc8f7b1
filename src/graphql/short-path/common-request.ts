import type { IncomingMessage } from 'node:http'
import { type DocumentNode, getOperationAST } from 'graphql'
import type { ValidDocuments } from '../plugins/valid-documents.ts'

/** A query or a mutation that a client sent. */
export type SentOperation = {
  document: DocumentNode
  kind: 'query' | 'mutation'
  name: string | undefined
  operationName: string | null | undefined
  variables: Readonly<Record<string, unknown>> | null | undefined
}

type Json = Readonly<Record<string, unknown>>

/** In bytes. A body that is left to Yoga is parsed twice. */
const maxBodySize = 64 * 1024

/** The media types of the responses to the values of `Accept` that common clients send: fetch, curl, axios, Apollo, urql, Relay. */
const mediaTypes: ReadonlyMap<string, string> = new Map([
  ['*/*', 'application/json'],
  ['application/json', 'application/json'],
  ['application/json, text/plain, */*', 'application/json'],
  ['application/graphql-response+json', 'application/graphql-response+json'],
  ['application/graphql-response+json, application/json', 'application/graphql-response+json'],
  ['application/graphql-response+json,application/json;q=0.9', 'application/graphql-response+json'],
  [
    'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed',
    'application/graphql-response+json',
  ],
])

/** The media type of the response; null for a request that Yoga serves. */
export function mediaTypeFor({ method, headers }: IncomingMessage): string | null {
  const length = headers['content-length'] ?? ''
  const isShort = /^[1-9]\d{0,5}$/.test(length) && Number(length) <= maxBodySize
  const isJson = /^application\/json(; ?charset=utf-8)?$/i.test(headers['content-type'] ?? '')
  if (method !== 'POST' || !isJson || !isShort || headers['content-encoding'] !== undefined) return null
  return mediaTypes.get(headers.accept || '*/*') ?? null
}

/** Takes the body from a request, and keeps it from ending, so that the body can be put back; null when the client is gone. */
export function takeBody(request: IncomingMessage): Promise<Buffer | null> {
  const length = Number(request.headers['content-length'])
  return new Promise((resolve) => {
    const end = (body: Buffer | null): void => {
      request.off('readable', read)
      request.off('close', leave)
      resolve(body)
    }
    const leave = (): void => end(null)
    const read = (): void => {
      // Without the length, it would end a request that has arrived completely.
      const body: Buffer | null = request.read(length)
      if (body !== null) end(body)
    }
    request.on('readable', read)
    request.on('close', leave)
  })
}

/** The operation in a body; null when it is not a query or mutation with a known document, or something is wrong with it. */
export function readOperation(documents: ValidDocuments, body: Buffer): SentOperation | null {
  const { query, operationName, variables, extensions, ...others } = readObject(body) ?? {}
  const document = typeof query === 'string' ? documents.find(query) : null
  if (!document || Object.keys(others).length > 0 || !isOptionalObject(variables)) return null
  if (!isOptionalObject(extensions) || !(operationName == null || typeof operationName === 'string'))
    return null
  const operation = getOperationAST(document, operationName)
  if (!operation || operation.operation === 'subscription') return null
  return {
    document,
    kind: operation.operation,
    name: operation.name?.value,
    operationName,
    variables,
  }
}

function readObject(body: Buffer): Json | null {
  try {
    const value: unknown = JSON.parse(body.toString())
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isOptionalObject(value: unknown): value is Json | null | undefined {
  return value === undefined || value === null || isObject(value)
}

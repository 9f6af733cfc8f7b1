import type { Plugin } from 'graphql-yoga'
import type { Execute } from '../execution/execute-compiled.ts'

/** Executes queries and mutations by an executor of the gateway instead of Yoga's. */
export function executeBy(execute: Execute): Plugin {
  return { onExecute: ({ setExecuteFn }) => setExecuteFn(execute) }
}

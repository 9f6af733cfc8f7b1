import { basename } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Files that kill processes or wait for silence to be noticed: short texts that take long.
const waiting = new Set([
  'worker-crash.test.ts',
  'chaos.test.ts',
  'start.test.ts',
  'worker-outage.test.ts',
  'worker-queue.test.ts',
  'worker-kills.test.ts',
  'idempotency-kills.test.ts',
  'roles.test.ts',
  'shutdown.test.ts',
  'graphiql.test.ts',
])

function isWaiting({ moduleId }: TestSpecification): boolean {
  return waiting.has(basename(moduleId))
}

/** How many others are begun between two that wait: several at once would keep each other's processes from starting. */
const between = 2

/**
 * Begins early with the files that take long, so that none is left for the end. Vitest knows that only from an earlier
 * run on the same machine, and goes by the sizes of files otherwise. A class because that is what vitest takes.
 */
export class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const others = sorted.filter((file) => !isWaiting(file))
    const mixed = sorted.filter(isWaiting).flatMap((file) => [file, ...others.splice(0, between)])
    return [...mixed, ...others]
  }
}

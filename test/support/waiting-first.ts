import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Files that take long: most kill processes or wait for silence to be noticed.
const waiting = [
  'test/graphql/plugins/graphiql.test.ts',
  'test/cli/commands/report.test.ts',
  'test/docs/examples.test.ts',
  'test/worker/crash.test.ts',
  'test/cli/commands/start.test.ts',
  'test/chaos.test.ts',
  'test/auth/tenancy.test.ts',
  'test/worker/outage.test.ts',
  'test/graphql/transports/slow-reader.test.ts',
  'test/worker/kills.test.ts',
  'test/server/health.test.ts',
  'test/server/shutdown.test.ts',
  'test/postgres/outage.test.ts',
  'test/worker/queue.test.ts',
  'test/runs/create/idempotency-kills.test.ts',
  'test/server/roles.test.ts',
  'test/postgres/embedded/embedded-postgres.test.ts',
]

const root = `${import.meta.dirname}/../..`

/** Its place among those that wait; -1 for others. */
function positionOf({ moduleId }: TestSpecification): number {
  return waiting.indexOf(relative(root, moduleId))
}

/** How many others are begun between two that wait: several at once would keep each other's processes from starting. */
const between = 2

/**
 * Begins early with the files that take long, so that none is left for the end. Vitest knows that only from an earlier
 * run on the same machine, and goes by the sizes of files otherwise. A class because that is what vitest takes.
 */
export class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const missing = waiting.filter((path) => !existsSync(join(root, path)))
    if (missing.length > 0)
      throw new Error(`Tests that waiting-first.ts names are gone: ${missing.join(', ')}.`)
    const sorted = await super.sort(files)
    // Those with a process of their own go before all: between the others, they would end a process that those share.
    const alone = sorted.filter(({ project }) => project.config.isolate)
    const together = sorted.filter(({ project }) => !project.config.isolate)
    const others = together.filter((file) => positionOf(file) < 0)
    const first = together
      .filter((file) => positionOf(file) >= 0)
      .sort((a, b) => positionOf(a) - positionOf(b))
    const mixed = first.flatMap((file) => [file, ...others.splice(0, between)])
    return [...alone, ...mixed, ...others]
  }
}

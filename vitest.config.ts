import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { WaitingFirst } from './test/support/waiting-first.ts'

/**
 * Files with effects on their whole process: they measure its memory, or change its environment. Each has a process of
 * its own; all others share as many processes as run at once, which load and compile the sources once.
 */
const alone = [
  'test/runs/follow/{fan-out,hub}.test.ts',
  'test/storage/s3/*.test.ts',
  'test/storage/storage.test.ts',
  'test/worker/result.test.ts',
]

/**
 * What `npm run test:operations` runs: tests of a deployment, which need programs from Debian, and the files that stop
 * and start processes for the longest time.
 */
const operations = [
  'test/operations/*.test.ts',
  'test/chaos.test.ts',
  'test/postgres/embedded/embedded-postgres.test.ts',
  'test/worker/crash.test.ts',
]

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/fixed-seed.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What a test waits for comes much sooner, unless the machine is slow.
    expect: { poll: { timeout: 30_000 } },
    // One more than two processors, since about a third of the time is spent waiting for what was killed to be missed.
    maxWorkers: 3,
    sequence: { concurrent: false, sequencer: WaitingFirst },
    // Hundreds of processes load the same modules: the tests' own, and each gateway that they start.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules', '.vite', 'compile-cache') },
    // Tests load modules as the gateway itself does, by Node. Vite would resolve `graphql` to its development build for
    // our files and Node to the other one for Yoga, so that no error of the one is an error of the other.
    experimental: { viteModuleRunner: false },
    projects: [
      { extends: true, test: { name: 'alone', include: alone } },
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: [...alone, ...operations],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'operations', include: operations, isolate: false } },
    ],
  },
})

import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { WaitingFirst } from './test/support/waiting-first.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What a test waits for comes much sooner, unless the machine is slow.
    expect: { poll: { timeout: 30_000 } },
    // On two processors: more files at once would keep each other from what has to happen in time, on a slow machine.
    maxWorkers: 2,
    sequence: { concurrent: false, sequencer: WaitingFirst },
    // Hundreds of processes load the same modules: each file of tests is one, and so is each gateway that they start.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules', '.vite', 'compile-cache') },
    // Tests load modules as the gateway itself does, by Node. Vite would resolve `graphql` to its development build for
    // our files and Node to the other one for Yoga, so that no error of the one is an error of the other.
    experimental: { viteModuleRunner: false },
  },
})

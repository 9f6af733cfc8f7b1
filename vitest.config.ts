import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup/postgres.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    sequence: { concurrent: false },
    // Tests load modules as the gateway itself does, by Node. Vite would resolve `graphql` to its development build for
    // our files and Node to the other one for Yoga, so that no error of the one is an error of the other.
    experimental: { viteModuleRunner: false },
  },
})

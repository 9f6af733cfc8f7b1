import { createDemoRandom, type DemoRandom } from '../src/demo/random.ts'

/** A repeatable source of choices. */
export type Random = DemoRandom

/** Creates an independent source: the same seed and name produce the same choices. */
export function createRandom(seed: number, name: string): Random {
  let hash = 0
  for (const letter of name) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0
  return createDemoRandom([seed | 0, Math.floor(seed / 2 ** 32), hash])
}

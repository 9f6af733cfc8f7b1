export type DemoRandom = ReturnType<typeof createDemoRandom>

/**
 * A repeatable source of choices: the same seed gives the same sequence in every process.
 *
 * @param seed three 32-bit words
 */
export function createDemoRandom(seed: readonly [number, number, number]) {
  const bits = sfc32(seed)
  const next = () => bits() / 2 ** 32
  const pick = <Item>(items: readonly Item[]): Item => {
    if (items.length === 0) throw new RangeError('Cannot pick from an empty list.')
    // The index is below the length, which the type of an indexed read does not know.
    return items[Math.floor(next() * items.length)] as Item
  }
  return {
    /** A number in [0, 1). */
    next,
    /** A whole number from `low` to `high`, both included. */
    between: (low: number, high: number): number => low + Math.floor(next() * (high - low + 1)),
    chance: (probability: number): boolean => next() < probability,
    /** One of the items, all equally likely. Throws RangeError when there are none. */
    pick,
    /** One of the items, each as likely as the weight beside it. */
    weighted: <Item>(choices: readonly (readonly [Item, number])[]): Item => {
      let rest = next() * choices.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [item, weight] of choices) {
        rest -= weight
        if (rest < 0) return item
      }
      // Reached only if rounding leaves a hair's breadth after the last choice.
      return pick(choices)[0]
    },
  }
}

/**
 * The small fast counter generator sfc32 by Chris Doty-Humphrey, from his PractRand library (public domain): 128 bits of
 * state, one of them a counter, so no seed leads into a short cycle.
 */
function sfc32(seed: readonly [number, number, number]): () => number {
  let [a, b, c] = seed
  let counter = 1
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  // Neighbouring seeds give alike numbers at first; the generator's author discards the first rounds for it.
  for (let round = 0; round < 15; round++) next()
  return next
}

export type DemoRandom = ReturnType<typeof createDemoRandom>

/**
 * Creates a deterministic random source: the same seed produces the same sequence in every process.
 *
 * @param seed three 32-bit words
 */
export function createDemoRandom(seed: readonly [number, number, number]) {
  const bits = sfc32(seed)
  const next = () => bits() / 2 ** 32
  const pick = <Item>(items: readonly Item[]): Item => {
    if (items.length === 0) throw new RangeError('Cannot pick from an empty list.')
    // The index is always below the length.
    return items[Math.floor(next() * items.length)] as Item
  }
  return {
    /** Returns a number in [0, 1). */
    next,
    /** Returns an integer from `low` to `high`, both inclusive. */
    between: (low: number, high: number): number => low + Math.floor(next() * (high - low + 1)),
    chance: (probability: number): boolean => next() < probability,
    /** Returns an item with uniform probability. Throws RangeError when there are no items. */
    pick,
    /** Returns an item with the probability of its weight. */
    weighted: <Item>(choices: readonly (readonly [Item, number])[]): Item => {
      let rest = next() * choices.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [item, weight] of choices) {
        rest -= weight
        if (rest < 0) return item
      }
      // Reached only when rounding leaves a remainder after the last choice.
      return pick(choices)[0]
    },
  }
}

/**
 * The generator sfc32 by Chris Doty-Humphrey, from his PractRand library (public domain). 32 of its 128 bits of state are a
 * counter, so no seed leads to a short cycle.
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
  // Similar seeds produce similar numbers at first, so the first rounds are discarded, as in PractRand.
  for (let round = 0; round < 15; round++) next()
  return next
}

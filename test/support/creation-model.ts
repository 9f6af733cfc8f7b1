import fc from 'fast-check'
import { expect } from 'vitest'

// A model of creations: requests of two accounts, some at the same time, with few keys, few requests and a low limit.

export type Ask = { account: 0 | 1; key: string | null; rows: string; reuses: boolean }
export type Outcome =
  | { kind: 'run'; id: string; wasReused: boolean }
  | { kind: 'conflict'; id: string }
  | { kind: 'limit' }
/** Requests that are sent together. After `ends`, all runs so far have succeeded and can be reused. */
export type Batch = { ends: boolean; together: Ask[] }

/** What the model knows of an account. */
export type Known = {
  runs: string[]
  /** The first request of each key, and its run. */
  keys: Map<string, { ask: Ask; id: string }>
  /** The latest run that can be reused, by the rows that were requested. */
  ended: Map<string, string>
}

type Answer = { ask: Ask; outcome: Outcome }

export const dailyRuns = 6

const asks: fc.Arbitrary<Ask> = fc.record({
  account: fc.constantFrom(0, 1),
  key: fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 4 }),
  rows: fc.constantFrom('1', '2'),
  reuses: fc.boolean(),
})

export const batches: fc.Arbitrary<Batch[]> = fc.array(
  fc.record({ ends: fc.boolean(), together: fc.array(asks, { minLength: 1, maxLength: 8 }) }),
  { minLength: 1, maxLength: 4 },
)

/** Checks the answers to requests of one account that were sent together, and notes what they changed. */
export function checkAnswers(known: Known, answers: readonly Answer[]): void {
  known.runs.push(...answers.flatMap(({ outcome }) => (isCreation(outcome) ? [outcome.id] : [])))
  expect(known.runs.length).toBeLessThanOrEqual(dailyRuns)
  for (const [key, group] of Map.groupBy(answers, ({ ask }) => ask.key)) {
    if (key === null) for (const answer of group) checkWithoutKey(known, answer)
    else checkKey(known, key, group)
  }
}

function isCreation(outcome: Outcome): outcome is Outcome & { kind: 'run' } {
  return outcome.kind === 'run' && !outcome.wasReused
}

function isFull({ runs }: Known): boolean {
  return runs.length === dailyRuns
}

function reusable({ ended }: Known, { reuses, rows }: Ask): string | undefined {
  return reuses ? ended.get(rows) : undefined
}

function checkWithoutKey(known: Known, { ask, outcome }: Answer): void {
  const id = reusable(known, ask)
  if (id !== undefined) expect(outcome).toEqual({ kind: 'run', id, wasReused: true })
  else if (outcome.kind === 'run') expect(outcome.wasReused).toBe(false)
  else expect([outcome, isFull(known)]).toEqual([{ kind: 'limit' }, true])
}

function checkKey(known: Known, key: string, group: readonly Answer[]): void {
  const isNew = !known.keys.has(key)
  for (const { ask, outcome } of group) {
    if (outcome.kind === 'run' && !known.keys.has(key)) known.keys.set(key, { ask, id: outcome.id })
  }
  const bound = known.keys.get(key)
  const creations = group.filter(({ outcome }) => isCreation(outcome))
  expect(creations).toHaveLength(isNew && bound && reusable(known, bound.ask) === undefined ? 1 : 0)
  for (const { ask, outcome } of group) {
    if (outcome.kind === 'limit') {
      // The limit was reached before the key had a run.
      expect([isNew, isFull(known), creations]).toEqual([true, true, []])
    } else if (ask.rows === bound?.ask.rows && ask.reuses === bound.ask.reuses) {
      expect(outcome).toMatchObject({ kind: 'run', id: bound.id })
    } else expect(outcome).toEqual({ kind: 'conflict', id: bound?.id })
  }
}

import { expect, test } from 'vitest'
import { type CaseResult, isReached, ratioGoal, spreadOf } from '../../bench/framework/result.ts'
import { measureInTurns } from '../../bench/framework/rounds.ts'

test.each([
  [[3, 1, 2], 2, 1, 3],
  [[4, 1, 2, 3], 2.5, 1, 4],
  [[7], 7, 7, 7],
])('the median and the bounds of %j', (rounds, median, min, max) => {
  expect(spreadOf(rounds)).toEqual({ median, min, max, rounds })
})

test('a goal compares the medians of two sides, and is absent without the other side', () => {
  const sides = [
    { side: 'ours', figures: { speed: spreadOf([9, 10, 11]) } },
    { side: 'peer', figures: { speed: spreadOf([4, 5, 6]) } },
  ]
  const one: CaseResult = { name: 'work', sides }
  const [goal] = ratioGoal(one, ['ours', 'peer'], 'speed', 'at least', 2)
  expect(goal).toMatchObject({ what: 'work: speed, ours / peer', value: 2 })
  expect(goal && isReached(goal)).toBe(true)
  expect(goal && isReached({ ...goal, bound: 2.1 })).toBe(false)
  expect(ratioGoal(one, ['ours', 'absent'], 'speed', 'at least', 2)).toEqual([])
})

test('sides are measured in turns, after a warm-up that does not count', async () => {
  const order: string[] = []
  const sides = ['a', 'b'].map((name) => ({
    name,
    measure: async () => ({ number: order.push(name) }),
  }))
  const result = await measureInTurns('work', sides, { rounds: 2, isWarm: true }, () => {})
  expect(order).toEqual(['a', 'b', 'a', 'b', 'a', 'b'])
  expect(result.sides.map(({ figures }) => figures.number?.rounds)).toEqual([
    [3, 5],
    [4, 6],
  ])
})

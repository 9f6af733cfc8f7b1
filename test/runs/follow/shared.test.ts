import { expect, test } from 'vitest'
import { createShared, type Sharing } from '../../../src/runs/follow/shared.ts'

test('a user that aborts while the value is opened leaves at once, and opening ends with the last one', async () => {
  const shared = createShared<string>()
  const opened: Sharing[] = []
  const value = Promise.withResolvers<string>()
  const join = () => {
    const leaving = new AbortController()
    const open = (sharing: Sharing): Promise<string> => {
      opened.push(sharing)
      return value.promise
    }
    const use = shared.enter('key', leaving.signal, open)
    return { leave: () => leaving.abort('left'), result: use.value.finally(use.leave) }
  }
  const [first, second] = [join(), join()]
  first.leave()
  await expect(first.result).rejects.toBe('left')
  expect(opened).toMatchObject([{ signal: { aborted: false } }])
  expect(opened[0]?.users()).toBe(1)
  second.leave()
  await expect(second.result).rejects.toBe('left')
  expect(opened[0]?.signal.aborted).toBe(true)

  const third = join()
  expect(opened).toHaveLength(2)
  value.resolve('value')
  expect(await third.result).toBe('value')
})

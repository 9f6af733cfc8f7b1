import { type CaseResult, type Measured, spreadOf } from './result.ts'

/** One way to do the work of a case. */
export type Side = {
  name: string
  /** Does the work once, or for some seconds, and gives the figures. */
  measure(): Promise<Measured>
}

export type Turns = {
  rounds: number
  /** Whether each side does its work once beforehand, which is not counted. */
  isWarm: boolean
}

/** Measures the sides in turns, A-B-A-B, so that whatever changes on the machine hits all of them. */
export async function measureInTurns(
  name: string,
  sides: readonly Side[],
  { rounds, isWarm }: Turns,
  onProgress: (sentence: string) => void,
): Promise<CaseResult> {
  if (isWarm) for (const { measure } of sides) await measure()
  const measured = sides.map((side) => ({ side, rounds: [] as Measured[] }))
  for (let round = 1; round <= rounds; round++) {
    onProgress(`${name}: round ${round} of ${rounds}`)
    for (const { side, rounds: own } of measured) own.push(await side.measure())
  }
  return {
    name,
    sides: measured.map(({ side, rounds: own }) => ({
      side: side.name,
      figures: Object.fromEntries(
        Object.keys(own[0] ?? {}).map((figure) => [
          figure,
          spreadOf(own.map((one) => one[figure] ?? Number.NaN)),
        ]),
      ),
    })),
  }
}

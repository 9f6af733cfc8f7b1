/** Calls `ask` once at a time, and shares its answer with all calls before it arrives and for `cacheMilliseconds` after. */
export function shareAnswer<Answer>(
  ask: () => Promise<Answer>,
  cacheMilliseconds: number,
): () => Promise<Answer> {
  let asked: { answer: Promise<Answer>; until: number } | null = null
  return () => {
    if (asked && performance.now() < asked.until) return asked.answer
    const round = { answer: ask(), until: Number.POSITIVE_INFINITY }
    const keep = (): void => {
      round.until = performance.now() + cacheMilliseconds
    }
    round.answer.then(keep, keep)
    asked = round
    return round.answer
  }
}

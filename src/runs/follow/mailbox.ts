/**
 * The mail of one subscription. It keeps at most one letter: whoever reads slowly gets the newest, and costs no more
 * memory than one who reads at once.
 */
export type Mailbox<Letter> = {
  put(letter: Letter): void
  /** The newest letter, at once or when it comes; null when the subscription's signal has ended it. */
  take(): Promise<Letter | null>
}

export function createMailbox<Letter>(signal: AbortSignal): Mailbox<Letter> {
  let letter: Letter | null = null
  let wakeReader = (): void => {}
  signal.addEventListener('abort', () => wakeReader(), { once: true })
  return {
    put: (newest) => {
      letter = newest
      wakeReader()
    },
    take: async () => {
      if (letter === null && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wakeReader = resolve
        })
      }
      const taken = signal.aborted ? null : letter
      letter = null
      return taken
    },
  }
}

/** Lets one run at a time have its last attempt in this process. */
export type LastAttempt = {
  /** A function that ends the turn; null while another run has it. */
  tryTake(): (() => void) | null
}

/**
 * A report that kills its process takes the others of that process with it. So that those do not fail with it, runs whose
 * next loss would be their end never run beside each other: each can only lose its last attempt by itself.
 */
export function createLastAttempt(): LastAttempt {
  let isTaken = false
  return {
    tryTake: () => {
      if (isTaken) return null
      isTaken = true
      return () => {
        isTaken = false
      }
    },
  }
}

/** Asks one thing that serving needs; rejects or does not answer when it is down. */
export type Check = () => Promise<unknown>

/** What is asked for. All three stand in every answer, so that a probe need not know how far a start has come. */
export type Checks = Record<'database' | 'queue' | 'wakeUp', Check>

export type ReadyAnswer = {
  status: 'ready' | 'starting' | 'stopping' | 'unavailable'
  checks: Record<keyof Checks, 'up' | 'down'>
}

export type Readiness = {
  /** Begins to ask: the process serves now. */
  serve(checks: Checks): void
  /** From now on the process is not ready, whatever the checks say. */
  stop(): void
  ask(): Promise<ReadyAnswer>
}

export type ReadinessOptions = {
  /** How long a check may take, in milliseconds. @default 1_000 */
  limitMilliseconds?: number
  /** How long an answer holds, so that probes cannot load the database, in milliseconds. @default 1_000 */
  cacheMilliseconds?: number
}

const noChecks: ReadyAnswer['checks'] = { database: 'down', queue: 'down', wakeUp: 'down' }

/** Whether this process should be sent requests, as `/ready` tells. */
export function createReadiness({
  limitMilliseconds = 1_000,
  cacheMilliseconds = 1_000,
}: ReadinessOptions = {}): Readiness {
  let state: 'starting' | 'serving' | 'stopping' = 'starting'
  let checks: Checks | null = null
  let asked: { until: number; answers: Promise<ReadyAnswer['checks']> } | null = null

  const askAll = async ({ database, queue, wakeUp }: Checks): Promise<ReadyAnswer['checks']> => {
    const answers = await Promise.all([database, queue, wakeUp].map((one) => outcome(one, limitMilliseconds)))
    const [first = 'down', second = 'down', third = 'down'] = answers
    return { database: first, queue: second, wakeUp: third }
  }

  /** One round of questions at a time, and its answer for whoever asks soon after. */
  const known = (): Promise<ReadyAnswer['checks']> => {
    if (!checks) return Promise.resolve(noChecks)
    if (asked && Date.now() < asked.until) return asked.answers
    const round = { until: Number.POSITIVE_INFINITY, answers: askAll(checks) }
    void round.answers.then(() => {
      round.until = Date.now() + cacheMilliseconds
    })
    asked = round
    return round.answers
  }

  return {
    serve: (given) => {
      checks = given
      if (state === 'starting') state = 'serving'
    },
    stop: () => {
      state = 'stopping'
    },
    ask: async () => {
      const answers = await known()
      if (state !== 'serving') return { status: state, checks: answers }
      const isUp = Object.values(answers).every((answer) => answer === 'up')
      return { status: isUp ? 'ready' : 'unavailable', checks: answers }
    },
  }
}

async function outcome(check: Check, limit: number): Promise<'up' | 'down'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'down'>((resolve) => {
    timer = setTimeout(() => resolve('down'), limit)
  })
  const asked = check().then(
    () => 'up' as const,
    () => 'down' as const,
  )
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}

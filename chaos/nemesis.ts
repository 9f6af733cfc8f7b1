import { setTimeout as delay } from 'node:timers/promises'
import type { OwnPostgres } from '../test/support/own-postgres.ts'
import type { SupervisedProcesses } from '../test/support/supervised-workers.ts'
import type { TcpProxy } from '../test/support/tcp-proxy.ts'
import type { Random } from './random.ts'

export type NemesisOptions = {
  gateways: readonly SupervisedProcesses[]
  workers: readonly SupervisedProcesses[]
  /** Between each process and Postgres. */
  databaseLinks: readonly TcpProxy[]
  /** Between the clients and each gateway. */
  clientLinks: readonly TcpProxy[]
  postgres: OwnPostgres
  /** Runs one statement directly on Postgres. */
  query: (text: string) => Promise<unknown>
  random: Random
  /** How many times longer to wait between faults than on a fast machine, because recovery takes longer. */
  slowness: number
}

export type Nemesis = {
  /** How often each fault was injected. */
  faults: Map<string, number>
  /** Injects no more faults, and resolves when everything that was paused or cut works again. */
  stop(): Promise<void>
}

async function pause(processes: SupervisedProcesses, milliseconds: number): Promise<void> {
  const { child } = processes.at(0)
  child.kill('SIGSTOP')
  await delay(milliseconds)
  child.kill('SIGCONT')
}

/** Injects random faults until it is stopped. */
export function startNemesis(options: NemesisOptions): Nemesis {
  const { gateways, workers, databaseLinks, clientLinks, postgres, query, random, slowness } = options
  const faults = new Map<string, number>()
  const underWay = new Set<Promise<void>>()
  const stopping = new AbortController()

  const kinds: readonly (readonly [string, number, () => Promise<void>])[] = [
    ['worker killed', 6, async () => void random.pick(workers).at(0).child.kill('SIGKILL')],
    ['gateway killed', 4, async () => void random.pick(gateways).at(0).child.kill('SIGKILL')],
    ['worker stopped in order', 3, async () => void random.pick(workers).at(0).child.kill('SIGTERM')],
    ['gateway stopped in order', 3, async () => void random.pick(gateways).at(0).child.kill('SIGTERM')],
    // Longer than a heartbeat of the queue, so that its runs go to other workers.
    ['worker paused', 1, () => pause(random.pick(workers), random.between(11_000, 14_000))],
    ['gateway paused', 3, () => pause(random.pick(gateways), random.between(500, 4_000))],
    [
      'clients cut off',
      6,
      async () => {
        const link = random.pick(clientLinks)
        link.cut()
        await delay(random.between(10, 1_000))
        link.restore()
      },
    ],
    [
      'database link silent',
      2,
      async () => {
        const link = random.pick(databaseLinks)
        link.swallow()
        await delay(random.between(500, 6_000))
        link.cut()
        link.restore()
      },
    ],
    [
      'connections ended',
      3,
      async () => {
        await query(
          `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and random() < 0.4`,
        ).catch(() => {})
      },
    ],
    [
      'Postgres restarted',
      1,
      async () => {
        await postgres.stop()
        await delay(random.between(100, 2_000))
        await postgres.start()
      },
    ],
  ]
  const weighted = kinds.map(([name, weight, inject]) => [{ name, inject }, weight] as const)

  const injectFaults = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const milliseconds = random.between(200, 1_500) * slowness
      await delay(milliseconds, undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return
      const { name, inject } = random.weighted(weighted)
      // One restart at a time, and no other fault while Postgres is down.
      if (name === 'Postgres restarted') await Promise.all(underWay)
      faults.set(name, (faults.get(name) ?? 0) + 1)
      const done: Promise<void> = inject().finally(() => underWay.delete(done))
      underWay.add(done)
      if (name === 'Postgres restarted') await done
    }
  }
  const injecting = injectFaults()
  return {
    faults,
    stop: async () => {
      stopping.abort()
      await injecting
      await Promise.all(underWay)
    },
  }
}

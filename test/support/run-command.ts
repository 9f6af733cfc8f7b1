import type { Command, CommandContext } from '../../src/cli/command.ts'

export type CommandSurroundings = {
  /** Whether standard error is a terminal. */
  isTerminal?: boolean
  /** Gets what the command writes to standard error, as it comes. */
  onWrite?: (text: string) => void
  signal?: AbortSignal
}

/**
 * Runs a command in this process; fails as the command does.
 *
 * @returns the lines that it printed
 */
export async function runCommand(
  command: Command,
  args: string[],
  environment: CommandContext['environment'],
  { isTerminal = false, onWrite = () => {}, signal = AbortSignal.timeout(60_000) }: CommandSurroundings = {},
): Promise<string[]> {
  const printed: string[] = []
  await command({
    args,
    environment,
    print: (line) => printed.push(line),
    stdout: process.stdout,
    // The parts of a terminal that commands use.
    stderr: { isTTY: isTerminal, columns: 80, write: onWrite } as unknown as NodeJS.WriteStream,
    signal,
  })
  return printed
}

import type { Command, CommandContext } from '../../src/cli/command.ts'

export type CommandOptions = {
  /** True when standard error is a terminal. */
  isTerminal?: boolean
  /** Called with each text that the command writes to standard error. */
  onWrite?: (text: string) => void
  signal?: AbortSignal
}

/**
 * Runs a command in this process, and throws what it throws.
 *
 * @returns the lines that it printed
 */
export async function runCommand(
  command: Command,
  args: string[],
  environment: CommandContext['environment'],
  { isTerminal = false, onWrite = () => {}, signal = AbortSignal.timeout(60_000) }: CommandOptions = {},
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

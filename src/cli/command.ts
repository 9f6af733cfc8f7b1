/** What a command receives from its process. */
export type CommandContext = {
  /** Arguments after the command's name. */
  args: string[]
  environment: Record<string, string | undefined>
  /** Writes a line to standard output. */
  print: (line: string) => void
  /** For output that is not a line: the bytes of a file, a progress bar. */
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  /** Aborts on Ctrl-C, SIGTERM and SIGHUP. */
  signal: AbortSignal
}

/** Resolves when the command has done its work, and rejects when it failed. */
export type Command = (context: CommandContext) => Promise<void>

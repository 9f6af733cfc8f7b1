/** What a command has of the process around it. */
export type CommandContext = {
  /** Arguments after the command's name. */
  args: string[]
  environment: Record<string, string | undefined>
  /** Writes a line to standard output. */
  print: (line: string) => void
  /** For what is no line: a file's bytes, a bar that is drawn again and again. */
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  /** Ends when the process is asked to: Ctrl-C, or SIGTERM. */
  signal: AbortSignal
}

/** A command returns when it has done its work, and throws when it could not. */
export type Command = (context: CommandContext) => Promise<void>

import type { Command } from '../cli.ts'

export const reportCommand: Command = async () => {
  throw new Error('placeholder')
}

import { printVariables } from '../../src/config/config.ts'
import { generatedNote } from './generated-note.ts'

export function configurationPage(): string {
  return `${generatedNote}

# Configuration

This page lists every environment variable that the gateway, the worker and the commands read.

An empty variable counts as unset. A variable with an invalid value stops the start with a message that names the variable, its value and what it accepts.

${printVariables()}`
}

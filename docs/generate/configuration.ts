import { printVariables } from '../../src/config/config.ts'
import { generatedNote } from './generated-note.ts'

export function configurationPage(): string {
  return `${generatedNote}

# Configuration

This page lists every environment variable that the gateway, the worker and the commands read.

An empty variable counts as unset. A variable with an invalid value stops the start with a message that names the variable, its value and what it accepts. So do quotes and spaces around a value, which the env files of Docker keep. A start names variables that it does not read and that look like misspelled ones.

The standard variables of OpenTelemetry are on the page about [observability](observability.md#opentelemetry).

${printVariables()}`
}

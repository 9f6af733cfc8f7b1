/** What went wrong, in a message for the person at the terminal: shown as it is, without a stack. */
export class ClientError extends Error {
  override readonly name: string = 'ClientError'
}

/** Nothing was heard of the gateway, so the same request may work later. */
export class UnreachableError extends ClientError {
  override readonly name = 'UnreachableError'
}

export class KeyRefusedError extends ClientError {
  override readonly name = 'KeyRefusedError'
}

export class StoppedError extends ClientError {
  override readonly name = 'StoppedError'
}

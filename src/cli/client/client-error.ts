/** An error whose message is shown to the user of the terminal, without a stack. */
export class ClientError extends Error {
  override readonly name: string = 'ClientError'
}

/** The gateway did not answer, so the same request may succeed later. */
export class UnreachableError extends ClientError {
  override readonly name = 'UnreachableError'
}

export class KeyRefusedError extends ClientError {
  override readonly name = 'KeyRefusedError'
}

export class StoppedError extends ClientError {
  override readonly name = 'StoppedError'
}

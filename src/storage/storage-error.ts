/** The store of result files failed: its disk is full, say, or it cannot be reached. The same may work later. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  /** Why, as the end of a sentence that is safe to show: "there is no space left". */
  readonly reason: string

  constructor(reason: string, options: { cause: unknown }) {
    super(`The store of files failed: ${reason}.`, options)
    this.reason = reason
  }
}

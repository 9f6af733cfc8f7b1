/** Who asks. Account and mode come from the API key alone and are part of every query. */
export type Viewer = {
  readonly accountId: string
  readonly livemode: boolean
  readonly apiKeyId: string
}

/** The part of a `where` that binds it to what the viewer may see. */
export const visibleTo = ({ accountId, livemode }: Viewer): { accountId: string; livemode: boolean } => ({
  accountId,
  livemode,
})

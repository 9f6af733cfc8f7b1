/** A file that cannot be imported as it is. The message goes on after its name: `it is empty`. */
export class BadExport extends Error {
  override readonly name = 'BadExport'
}

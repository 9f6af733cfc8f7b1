// The end of the file's number of rows, which is 0, and the list of row groups. Names of columns hold no such bytes.
const before = Buffer.from([0x16, 0x00, 0x19])
const emptyList = 0x00
const emptyListOfStructs = 0x0c

/**
 * A Parquet file without row groups, mended where it says of what kind the list of them is: `hyparquet-writer` 0.17 learns
 * that from the first one, and says nothing when there is none, for which readers such as the one in Rust refuse the file.
 */
export function mendEmptyFile(file: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = Buffer.from(file.buffer).lastIndexOf(before) + before.length
  if (at >= before.length && file[at] === emptyList) file[at] = emptyListOfStructs
  return file
}

// The end of the file's number of rows, which is 0, the list of row groups, and the beginning of the writer's name. Names of
// columns hold no such bytes.
const before = Buffer.from([0x16, 0x00, 0x19])
const emptyListOfBytes = 0x03
const emptyListOfStructs = 0x0c

/**
 * A Parquet file without row groups, mended where it says of what it has none: `hyparquet-writer` 0.17 guesses that from the
 * first one, and then says bytes, for which readers such as those in Rust refuse the file.
 */
export const mendEmptyFile = (file: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
  const at = Buffer.from(file.buffer).lastIndexOf(before) + before.length
  if (at >= before.length && file[at] === emptyListOfBytes) file[at] = emptyListOfStructs
  return file
}

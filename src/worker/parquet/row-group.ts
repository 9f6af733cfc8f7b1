/**
 * Rows in a row group. The values of one are in memory, and what the end of the file says of each: fewer rows make the first
 * smaller and the second larger.
 */
export const rowsPerGroup = 5_000

/** A row group of long values ends earlier. */
export const bytesPerGroup = 8 * 1024 * 1024

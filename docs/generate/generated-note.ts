/** The first line of a generated page. */
export const generatedNote = '<!-- Printed from the code by `npm run docs`. Change the code instead. -->'

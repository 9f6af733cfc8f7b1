// Draws the Vega-Lite specification from standard input, and prints SVG. Vega needs no browser for that.
import { text } from 'node:stream/consumers'
import { Error as errorsOnly, logger, parse, View } from 'vega'
import { compile } from 'vega-lite'

const specification = JSON.parse(await text(process.stdin))
const view = new View(parse(compile(specification, { logger: logger(errorsOnly) }).spec), {
  renderer: 'none',
})
process.stdout.write(`${await view.toSVG()}\n`)

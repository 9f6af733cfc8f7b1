import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { folderOf } from './peers.ts'
import type { RowResult } from './result.ts'

/** A bar for each side of each case, with a line from the lowest to the highest round, as SVG. */
export function drawChart({ figures, cases, name }: RowResult, figureName: string): string {
  const figure = figures.find((one) => one.name === figureName)
  const values = cases.flatMap(({ name: work, sides }) =>
    sides.flatMap(({ side, figures: measured }) => {
      const spread = measured[figureName]
      return spread ? [{ work, side, median: spread.median, min: spread.min, max: spread.max }] : []
    }),
  )
  const title = `${figureName}${figure?.unit ? `, ${figure.unit}` : ''}`
  const sides = [...new Set(values.map(({ side }) => side))]
  const y = { field: 'side', type: 'nominal', sort: sides, title: null }
  const specification = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    title: `${name}: ${title}`,
    data: { values },
    facet: {
      row: {
        field: 'work',
        type: 'nominal',
        title: null,
        sort: cases.map((one) => one.name),
        header: { labelAngle: 0, labelAlign: 'left', labelOrient: 'top' },
      },
    },
    resolve: { scale: { y: 'independent' } },
    spec: {
      width: 520,
      height: { step: 18 },
      layer: [
        {
          mark: { type: 'bar', height: { band: 0.75 } },
          encoding: {
            y,
            x: { field: 'median', type: 'quantitative', title },
            color: {
              field: 'side',
              type: 'nominal',
              legend: null,
              scale: { domain: sides, range: colorsOf(sides) },
            },
          },
        },
        {
          mark: { type: 'rule', color: '#333' },
          encoding: { y, x: { field: 'min', type: 'quantitative' }, x2: { field: 'max' } },
        },
      ],
    },
  }
  const script = join(folderOf('chart'), 'draw.js')
  return execFileSync(process.execPath, [script], { input: JSON.stringify(specification), encoding: 'utf8' })
}

/** Our side stands out; all others look the same. */
function colorsOf(sides: readonly string[]): string[] {
  return sides.map((_, number) => (number === 0 ? '#3f6fb5' : '#b8c4d6'))
}

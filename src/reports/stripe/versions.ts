import type { ReportColumn } from '../column.ts'
import type { ParameterSet } from '../parameters.ts'
import { type AnyReportType, defineReportType, type ReportType } from '../report-type.ts'

/** What all versions of a family have in common. `P` are the parameters that its rows depend on. */
type Family<P extends ParameterSet> = Omit<
  ReportType<P>,
  'inputKey' | 'parameters' | 'columns' | 'replacedBy'
> & {
  inputKey: string
}

/** What a version has of its own: at least the parameters of the family, and its columns. */
type Version<P extends ParameterSet> = { parameters: P; columns: readonly ReportColumn[] }

/**
 * The types of a family, numbered from 1 on. The newest has the input key; it has to have every column of the others,
 * which name it as what replaces them.
 *
 * @param family its name is that of the types without the version
 */
export function defineVersions<P extends ParameterSet>(
  { name, inputKey, ...family }: Family<P>,
  versions: readonly Version<P>[],
): AnyReportType[] {
  const newest = versions.length
  return versions.map((version, index) => {
    const number = index + 1
    return defineReportType({
      ...family,
      ...version,
      name: `${name}.${number}`,
      inputKey: number === newest ? inputKey : null,
      replacedBy: number === newest ? null : `${name}.${newest}`,
    })
  })
}

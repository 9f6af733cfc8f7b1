import { expect, test } from 'vitest'
import { type CsvLine, readCsv } from '../../../src/ledger/import/csv.ts'

async function linesOf(text: string, partLength = text.length): Promise<CsvLine[]> {
  async function* parts(): AsyncGenerator<string> {
    for (let at = 0; at < text.length; at += partLength) yield text.slice(at, at + partLength)
  }
  return (await Array.fromAsync(readCsv(parts()))).flat()
}

test.each([
  ['commas', 'a,b;c\n1,"2"'],
  ['semicolons', 'a;b\n1;"2"'],
  ['tabs', 'a\tb\n1\t2'],
  ['bars', 'a|b\n1|2'],
  ['names in quotes that have other separators', '"a;;;",b\n1,2'],
  ['a line that names the comma', 'sep=,\na;;;,b\n1,2'],
  ['a line that names the semicolon, with CRLF', 'sep=;\r\na;b\r\n1;2\r\n'],
  ['a line in quotes that names the tab', '"sep=\t"\na\tb\n1\t2'],
])('cells are separated by %s', async (_what, text) => {
  for (const partLength of [1, 3, text.length]) {
    const lines = await linesOf(text, partLength)
    expect(lines.map(({ cells, fault }) => [cells.length, fault])).toEqual([
      [2, null],
      [2, null],
    ])
    expect(lines[1]?.cells).toEqual(['1', '2'])
    expect(lines[1]?.number).toBe(/sep=/.test(text) ? 3 : 2)
  }
})

test('lines of only separators are empty, wherever they are, and count as lines', async () => {
  const lines = await linesOf(',,\na,b,c\n,,\n , ,\t\n1,2,3\n,,,,\n')
  expect(lines.map(({ number, cells }) => [number, cells.join()])).toEqual([
    [2, 'a,b,c'],
    [5, '1,2,3'],
  ])
})

test('a repeated header is a fault, because nothing shows what is between the joined files', async () => {
  const lines = await linesOf('a,b\n1,2\n\ufeffa,b\n3,4\n')
  expect(lines.map(({ fault }) => fault)).toEqual([
    null,
    null,
    expect.stringMatching(/^repeats the header, .*import each in its own file$/),
    null,
  ])
})

test('lines that end in CR alone are rejected, because all of them would be the header', async () => {
  await expect(linesOf('a,b\r1,2\r')).rejects.toThrow(/lines end in CR alone/)
})

test('lines that end partly in CRLF are rejected, because a cell would end in a carriage return', async () => {
  await expect(linesOf('a,b\n1,2\r\n')).rejects.toThrow(/some in CRLF/)
  expect((await linesOf('a,b\n1,"2\r\n"\n'))[1]?.cells).toEqual(['1', '2\r\n'])
})

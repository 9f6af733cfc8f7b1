import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { marchEnd, marchStart, writeMarchLedger } from '../../support/march-ledger.ts'
import { runReport } from '../../support/run-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway()
  account = await gateway.createAccount()
  const inLiveMode = { ...account, livemode: true }
  await writeMarchLedger(gateway.database, account, [inLiveMode, await gateway.createAccount()])
})
afterAll(() => gateway[Symbol.asyncDispose]())

const march = { interval: { between: { start: marchStart, end: marchEnd } } }
async function textOf(report: Record<string, unknown>): Promise<string> {
  return (await runReport(account, report)).text
}

/** Lines of a file, each with LF at the end. */
function lines(...texts: string[]): string {
  return texts.map((text) => `${text}\n`).join('')
}

describe('the balance summary', () => {
  test('has eight lines per currency, with the first and last day of the interval', async () => {
    expect(await textOf({ balanceSummary1: march })).toBe(
      lines(
        '"category","description","net_amount","currency"',
        '"starting_balance","Starting balance (2026-03-01)","0.00","eur"',
        // 9007199254740993 − 5
        '"activity_gross","Account activity before fees","90071992547409.88","eur"',
        '"activity_fee","Less fees","-0.01","eur"',
        '"activity","Activity","90071992547409.87","eur"',
        '"payouts_gross","Payouts to bank","0.00","eur"',
        '"payouts_fee","Payout fees","0.00","eur"',
        '"payouts","Total payouts","0.00","eur"',
        '"ending_balance","Ending balance (2026-03-31)","90071992547409.87","eur"',
        '"starting_balance","Starting balance (2026-03-01)","0","jpy"',
        '"activity_gross","Account activity before fees","500","jpy"',
        '"activity_fee","Less fees","-18","jpy"',
        '"activity","Activity","482","jpy"',
        '"payouts_gross","Payouts to bank","0","jpy"',
        '"payouts_fee","Payout fees","0","jpy"',
        '"payouts","Total payouts","0","jpy"',
        '"ending_balance","Ending balance (2026-03-31)","482","jpy"',
        '"starting_balance","Starting balance (2026-03-01)","0.000","kwd"',
        '"activity_gross","Account activity before fees","1.234","kwd"',
        '"activity_fee","Less fees","-0.005","kwd"',
        '"activity","Activity","1.229","kwd"',
        '"payouts_gross","Payouts to bank","0.000","kwd"',
        '"payouts_fee","Payout fees","0.000","kwd"',
        '"payouts","Total payouts","0.000","kwd"',
        '"ending_balance","Ending balance (2026-03-31)","1.229","kwd"',
        // 10000 − 320
        '"starting_balance","Starting balance (2026-03-01)","96.80","usd"',
        // 2500 − 1000 + 0
        '"activity_gross","Account activity before fees","15.00","usd"',
        // −(103 − 30 + 0)
        '"activity_fee","Less fees","-0.73","usd"',
        '"activity","Activity","14.27","usd"',
        // −5000 + 5000
        '"payouts_gross","Payouts to bank","0.00","usd"',
        '"payouts_fee","Payout fees","-0.25","usd"',
        '"payouts","Total payouts","-0.25","usd"',
        // 96.80 + 14.27 − 0.25
        '"ending_balance","Ending balance (2026-03-31)","110.82","usd"',
      ),
    )
  })

  test('has dates in the timezone, which does not affect the selected rows', async () => {
    const { rows } = await runReport(account, {
      balanceSummary1: { ...march, timezone: 'America/New_York', currency: 'usd' },
    })
    // The interval starts on 28 February at 19:00 in New York, and its last instant is on 31 March at 19:59.
    expect(rows.at(0)).toMatchObject({ description: 'Starting balance (2026-02-28)', net_amount: '96.80' })
    expect(rows.at(-1)).toMatchObject({ description: 'Ending balance (2026-03-31)', net_amount: '110.82' })
  })
})

describe('the summaries', () => {
  test('of activity have a line for each category and a total for each currency', async () => {
    expect(await textOf({ balanceChangeFromActivitySummary1: march })).toBe(
      lines(
        '"reporting_category","currency","count","gross","fee","net"',
        '"charge","eur","1","90071992547409.93","0.01","90071992547409.92"',
        '"fee","eur","1","-0.05","0.00","-0.05"',
        '"total","eur","2","90071992547409.88","0.01","90071992547409.87"',
        '"charge","jpy","1","500","18","482"',
        '"total","jpy","1","500","18","482"',
        '"charge","kwd","1","1.234","0.005","1.229"',
        '"total","kwd","1","1.234","0.005","1.229"',
        '"charge","usd","1","25.00","1.03","23.97"',
        '"other_adjustment","usd","1","0.00","0.00","0.00"',
        '"refund","usd","1","-10.00","-0.30","-9.70"',
        '"total","usd","3","15.00","0.73","14.27"',
      ),
    )
  })

  test('of payouts count payouts and payout reversals', async () => {
    expect(await textOf({ payoutsSummary1: march })).toBe(
      lines(
        '"reporting_category","currency","count","gross","fee","net"',
        '"payout","usd","1","50.00","0.25","50.25"',
        '"payout_reversal","usd","1","-50.00","0.00","-50.00"',
        '"total","usd","2","0.00","0.25","0.25"',
      ),
    )
  })

  test('of an interval without rows are only a header', async () => {
    const between = { start: '2026-02-01T00:00:00Z', end: '2026-02-02T00:00:00Z' }
    expect(await textOf({ balanceSummary1: { interval: { between } } })).toBe(
      '"category","description","net_amount","currency"\n',
    )
    expect(await textOf({ payoutsSummary1: { interval: { between } } })).toBe(
      '"reporting_category","currency","count","gross","fee","net"\n',
    )
  })
})

import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { mergeLedger } from '../../src/ledger/merge.ts'
import { emptyBatch, type LedgerBalanceTransaction } from '../../src/ledger/rows.ts'
import { type ImportedLedger, openImportedLedger } from '../support/imported-ledger.ts'

let ledger: ImportedLedger
beforeAll(async () => {
  ledger = await openImportedLedger()
})
afterAll(() => ledger[Symbol.asyncDispose]())
beforeEach(() => ledger.newAccount())

const header = 'id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC),Description'
const known = 'txn_1,charge,ch_1,10.00,0.50,9.50,usd,2026-09-01 10:00,2026-09-03 00:00,Boots'
const other = 'txn_2,charge,ch_2,7.00,0.00,7.00,usd,2026-09-02 10:00,2026-09-04 00:00,'
const declared = { from: new Date('2026-09-01'), until: new Date('2026-10-01') }

function load(...lines: string[]) {
  return ledger.load([header, ...lines].join('\n'), { declared })
}

const changes = [
  ['10.00,0.50,9.50', '12.00,0.50,11.50', 'amount 12.00 usd, but is known with 10.00 usd'],
  ['10.00,0.50,9.50', '10.00,0.60,9.40', 'fee 0.60 usd, but is known with 0.50 usd'],
  ['usd', 'eur', 'currency eur, but is known with usd'],
  [
    '2026-09-01 10:00',
    '2026-09-01 10:01',
    'creation time 2026-09-01T10:01:00Z, but is known with 2026-09-01T10:00:00Z',
  ],
  ['txn_1,charge', 'txn_1,payment', 'type payment, but is known with charge'],
] as const

describe('a balance transaction that changes', () => {
  test.each(changes)(
    'is refused and named, and nothing changes: %s to %s',
    async (before, after, message) => {
      await load(known)
      const rows = await ledger.rowsOf('balance_transactions')
      const path = () => ledger.lastPath()
      const changed = known.replace(before, after)
      const refused = expect(load(other, changed)).rejects
      await refused.toThrow(
        `:3: the balance transaction txn_1 has the ${message}. A balance transaction never`,
      )
      expect(await ledger.rowsOf('balance_transactions')).toEqual(rows)
      expect((await readFile(path(), 'utf8')).split('\n')[2]).toBe(changed)
    },
  )

  test.each(changes)(
    'is refused within a file, with both lines: %s to %s',
    async (before, after, message) => {
      const refused = expect(load(known, other, known.replace(before, after))).rejects
      await refused.toThrow(/\d\.csv:2 and .*\d\.csv:4: /)
      await expect(load(known, other, known.replace(before, after))).rejects.toThrow(message)
      expect(await ledger.rowsOf('balance_transactions')).toEqual([])
    },
  )

  test('is refused from an export of another kind', async () => {
    await load(known)
    const itemized =
      'balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category\ntxn_1,2026-09-01 10:00:07,usd,10.00,0.40,9.60,charge'
    await expect(ledger.load(itemized)).rejects.toThrow('fee 0.40 usd, but is known with 0.50 usd')
    const payouts =
      'payout_id,effective_at_utc,currency,gross,fee,net,reporting_category,balance_transaction_id\npo_1,2026-09-05 00:00:00,usd,6.00,0.00,6.00,payout,txn_1'
    await expect(ledger.load(payouts)).rejects.toThrow('amount -6.00 usd, but is known with 10.00 usd')
  })

  test('is compared exactly, and only within its account and mode', async () => {
    await load(known)
    ledger.owner = { ...ledger.owner, livemode: true }
    await load(known.replace('10.00,0.50,9.50', '12.00,0.50,11.50'))
    ledger.newAccount()
    await load(known.replace('usd', 'eur'))
  })

  test('is refused from the API, with all of its values', async () => {
    await load(known)
    const row: LedgerBalanceTransaction = {
      id: 'txn_1',
      type: 'charge',
      reportingCategory: 'charge',
      currency: 'usd',
      amount: 1000,
      fee: 50,
      net: 951,
      created: new Date('2026-09-01T10:00:07Z'),
      effectiveAt: new Date('2026-09-01T10:00:07Z'),
    }
    await ledger.client.query('begin')
    const merge = mergeLedger(
      ledger.client,
      ledger.owner,
      [{ ...emptyBatch(), balanceTransactions: [row] }],
      {
        isCurrent: true,
      },
    )
    await expect(merge).rejects.toThrow("net 9.51 usd in Stripe's API, but is known with 9.50 usd")
    await ledger.client.query('rollback')
  })
})

describe('a balance transaction does not change', () => {
  test('when its times are more precise, or less', async () => {
    const itemized = (seconds: string) =>
      `balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category\ntxn_1,2026-09-01 10:00:${seconds},usd,10.00,0.50,9.50,charge`
    await load(known)
    await ledger.load(itemized('07'), { declared })
    await load(known)
    expect(await ledger.rowsOf('balance_transactions')).toMatchObject([
      { created: '2026-09-01T10:00:07+00:00', effective_at: '2026-09-01T10:00:07+00:00' },
    ])
    await expect(ledger.load(itemized('08'), { declared })).rejects.toThrow(
      /creation time .*:08Z, but .*:07Z/,
    )
  })

  test('when what surrounds it becomes known: availability, description and category', async () => {
    await load(known)
    await load(known.replace('2026-09-03', '2026-09-04').replace('Boots', 'Red boots'))
    await ledger.load(
      'balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category\ntxn_1,2026-09-01 10:00:00,usd,10.00,0.50,9.50,financing_payout',
      { declared },
    )
    expect(await ledger.rowsOf('balance_transactions')).toMatchObject([
      {
        reporting_category: 'financing_payout',
        available_on: '2026-09-04T00:00:00+00:00',
        description: 'Red boots',
      },
    ])
  })

  test('when a file is imported again after it was saved with other line ends', async () => {
    await load(known, other)
    const path = ledger.lastPath()
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll('\n', '\r\n'))
    await ledger.importPath(path, { declared })
    expect(await ledger.rowsOf('balance_transactions')).toHaveLength(2)
  })
})

// Before each file of tests: what is random in them is the same in every run, unless a seed is given: SEED=7 npm test
import fc from 'fast-check'

fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) })

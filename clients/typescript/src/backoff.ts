// When to try again.

const FIRST_MS = 500;
const LONGEST_MS = 20_000;
const LONGEST_HIDDEN_MS = 60_000;

/**
 * How long to wait before a further attempt, in milliseconds: any time up to a bound that doubles. Spread over all of it,
 * so that many who were cut together do not come back together.
 *
 * @param attempt the attempts that have failed before, from 0
 * @param chance between 0 and 1
 */
export function backoffMs(attempt: number, chance: number, hidden: boolean): number {
  return chance * Math.min(hidden ? LONGEST_HIDDEN_MS : LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
}

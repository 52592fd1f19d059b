/** Spearman's coefficient, equal values sharing the mean of their ranks; null where one list is all equal. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number | null {
  const x = ranks(a);
  const y = ranks(b);
  const mean = (a.length + 1) / 2;
  let covariance = 0;
  let varianceX = 0;
  let varianceY = 0;
  for (let at = 0; at < a.length; at++) {
    covariance += (x[at]! - mean) * (y[at]! - mean);
    varianceX += (x[at]! - mean) ** 2;
    varianceY += (y[at]! - mean) ** 2;
  }
  const scale = Math.sqrt(varianceX * varianceY);
  return scale > 0 ? covariance / scale : null;
}

function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
  const found = new Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let at = start; at < end; at++) found[order[at]!] = (start + 1 + end) / 2;
    start = end;
  }
  return found;
}

/** 1 / (1 + e^−x): a soft step from 0 to 1. */
export function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Soft version of `value > middle`; `width` is how far from it 27 % of the step are left. */
export function above(value: number, middle: number, width: number): number {
  return logistic((value - middle) / width);
}

/** Soft version of `value < middle`. */
export function below(value: number, middle: number, width: number): number {
  return logistic((middle - value) / width);
}

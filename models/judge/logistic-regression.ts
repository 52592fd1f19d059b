/** What a linear probe has learnt: probability = 1 / (1 + exp(−(weights · x + bias))). */
export interface Linear {
  weights: Float64Array;
  bias: number;
}

const HISTORY = 10;
const MAX_ROUNDS = 200;
const GRADIENT_TOLERANCE = 1e-6;

/**
 * Logistic regression with an L2 penalty on the weights, by L-BFGS over all rows: one optimum, the same each time.
 * @param rows [labels.length, width], scaled to mean 0 and variance 1
 * @param labels 0 or 1
 */
export function fitLogistic(rows: Float32Array, labels: Uint8Array, width: number, penalty: number): Linear {
  let at: Float64Array = new Float64Array(width + 1);
  let { loss, gradient } = lossOf(rows, labels, width, penalty, at);
  const steps: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (Math.max(...gradient.map(Math.abs)) < GRADIENT_TOLERANCE) break;
    const direction = twoLoops(gradient, steps);
    let size = 1;
    let next = step(at, direction, size);
    let after = lossOf(rows, labels, width, penalty, next);
    const slope = dot(gradient, direction);
    while (after.loss > loss + 1e-4 * size * slope && size > 1e-6) {
      size /= 2;
      next = step(at, direction, size);
      after = lossOf(rows, labels, width, penalty, next);
    }
    const s = next.map((value, i) => value - at[i]!);
    const y = after.gradient.map((value, i) => value - gradient[i]!);
    const product = dot(s, y);
    if (product > 1e-12) steps.push({ s, y, rho: 1 / product });
    if (steps.length > HISTORY) steps.shift();
    if (Math.abs(loss - after.loss) < 1e-10) break;
    at = next;
    ({ loss, gradient } = after);
  }
  return { weights: at.slice(0, width), bias: at[width]! };
}

function lossOf(
  rows: Float32Array,
  labels: Uint8Array,
  width: number,
  penalty: number,
  at: Float64Array,
): { loss: number; gradient: Float64Array } {
  const gradient = new Float64Array(width + 1);
  const count = labels.length;
  let loss = 0;
  for (let row = 0; row < count; row++) {
    const from = row * width;
    let z = at[width]!;
    for (let i = 0; i < width; i++) z += rows[from + i]! * at[i]!;
    const p = 1 / (1 + Math.exp(-z));
    loss += labels[row] === 1 ? Math.log1p(Math.exp(-z)) : z + Math.log1p(Math.exp(-z));
    const error = (p - labels[row]!) / count;
    for (let i = 0; i < width; i++) gradient[i]! += error * rows[from + i]!;
    gradient[width]! += error;
  }
  loss /= count;
  for (let i = 0; i < width; i++) {
    loss += 0.5 * penalty * at[i]! ** 2;
    gradient[i]! += penalty * at[i]!;
  }
  return { loss, gradient };
}

function twoLoops(
  gradient: Float64Array,
  steps: readonly { s: Float64Array; y: Float64Array; rho: number }[],
): Float64Array {
  const q = gradient.map((value) => -value);
  const alphas: number[] = [];
  for (const { s, y, rho } of steps.toReversed()) {
    const alpha = rho * dot(s, q);
    alphas.push(alpha);
    for (let i = 0; i < q.length; i++) q[i]! -= alpha * y[i]!;
  }
  const last = steps.at(-1);
  const scale = last === undefined ? 1 : dot(last.s, last.y) / dot(last.y, last.y);
  for (let i = 0; i < q.length; i++) q[i]! *= scale;
  for (const { s, y, rho } of steps) {
    const beta = rho * dot(y, q);
    const alpha = alphas.pop()!;
    for (let i = 0; i < q.length; i++) q[i]! += (alpha - beta) * s[i]!;
  }
  return q;
}

function step(at: Float64Array, direction: Float64Array, size: number): Float64Array {
  return at.map((value, i) => value + size * direction[i]!);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

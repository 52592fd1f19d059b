import { noticedBy } from "./mutant.ts";

const COVERAGE = noticedBy(
  ["test/validator/subnet-coverage.test.ts"],
  [
    {
      name: "who had no turn in this epoch waits like everybody",
      file: "src/validator/choose.ts",
      text: "options.isFirst?.(neuron) ?? false",
      replacement: "options.isFirst?.(neuron) === undefined",
    },
    {
      name: "an epoch that passed since the subnet was read is the epoch of now",
      file: "src/validator/epochs.ts",
      text: "Math.ceil((block - nextEpochBlock) / tempo)",
      replacement: "0",
    },
  ],
);

const POLICY = noticedBy(
  ["test/weights/shape.test.ts"],
  [
    {
      name: "what was burnt because nobody earned anything is smoothed in",
      file: "src/weights/shape.ts",
      text: "if (weighty.length === 1 &&",
      replacement: "if (weighty.length === 0 &&",
    },
    {
      name: "weights that fill up a minimum count as earned",
      file: "src/weights/shape.ts",
      text: "1.5 / U16_MAX",
      replacement: "0 / U16_MAX",
    },
  ],
);

const SCORES = noticedBy(
  ["test/weights"],
  [
    {
      name: "the share of one neuron is not limited",
      file: "src/weights/process.ts",
      text: "if (shares[count - 1]! > limitRounded) {",
      replacement: "if (shares[count - 1]! > 1) {",
    },
    {
      name: "fewer weights than the chain takes are not filled up",
      file: "src/weights/process.ts",
      text: "if (kept.length < minAllowedWeights) {",
      replacement: "if (kept.length < 0) {",
    },
    {
      name: "the smallest weights are not dropped",
      file: "src/weights/process.ts",
      text: "kept.filter((w) => w.weight >= threshold)",
      replacement: "kept",
    },
    {
      name: "a negative weight passes",
      file: "src/weights/process.ts",
      text: "(weight) => !Number.isFinite(weight) || weight < 0",
      replacement: "(weight) => !Number.isFinite(weight)",
    },
    {
      name: "a uid outside the subnet passes",
      file: "src/weights/process.ts",
      text: "(uid) => uid >= neurons",
      replacement: "(uid) => uid > neurons",
    },
    {
      name: "halves are rounded up",
      file: "src/weights/quantize.ts",
      text: "return low % 2 === 0 ? low : low + 1;",
      replacement: "return low + 1;",
    },
    {
      name: "a score that has almost decayed costs a subnet's minimum of weights",
      file: "src/weights/quantize.ts",
      text: " || Number(kept.has(index))",
      replacement: "",
    },
    {
      name: "zeros are sent to the chain",
      file: "src/weights/quantize.ts",
      text: "    if (value === 0) continue;\n",
      replacement: "",
    },
    {
      name: "alpha weighs the past",
      file: "src/weights/scores.ts",
      text: "alpha * step.rewards[index]! + (1 - alpha) * before.scores[uid]!",
      replacement: "(1 - alpha) * step.rewards[index]! + alpha * before.scores[uid]!",
    },
    {
      name: "a score stays with the uid",
      file: "src/weights/scores.ts",
      text: "const from = holds.get(neuron.hotkey);",
      replacement: "const from = previous.neurons[uid]?.hotkey === neuron.hotkey ? uid : undefined;",
    },
    {
      name: "a hotkey that registered anew keeps its score",
      file: "src/weights/scores.ts",
      text: "return !isKnown || before.registeredAt === now.registeredAt;",
      replacement: "return true;",
    },
    {
      name: "who cannot be asked keeps its score",
      file: "src/weights/scores.ts",
      text: "const kept = 1 - alpha * Math.min(1, Math.max(0, askedShare));",
      replacement: "const kept = 1;",
    },
  ],
);

export const WEIGHT_MUTANTS = [...POLICY, ...SCORES, ...COVERAGE];

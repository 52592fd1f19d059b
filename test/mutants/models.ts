import { noticedBy } from "./mutant.ts";

export const MODEL_MUTANTS = [
  ...noticedBy(
    ["test/inference/graph/tokenizer.test.ts"],
    [
      {
        name: "a tokenizer keeps the files that it was read from",
        file: "src/inference/graph/tokenizer.ts",
        text: "onReading: () => void = tellNobody",
        replacement: "onReading: () => void = () => undefined",
      },
    ],
  ),
  ...noticedBy(
    ["test/models/build/weights.test.ts"],
    [
      {
        name: "weights that are no numbers are built",
        file: "src/models/build/graph/parameters.ts",
        text: "if (!(number < below && number > -below))",
        replacement: "if (Math.abs(number) > below)",
      },
      {
        name: "weights that 16 bits do not hold become infinite",
        file: "src/models/build/forms/storage.ts",
        text: "[ELEMENT.float16]: 65_520",
        replacement: "[ELEMENT.float16]: Infinity",
      },
    ],
  ),
  ...noticedBy(
    ["test/models/descriptions.test.ts"],
    [
      {
        name: "a token may have the number of the rows",
        file: "src/models/token-ids.ts",
        text: "(id as number) < rows",
        replacement: "(id as number) <= rows",
      },
      {
        name: "added tokens do not count",
        file: "src/models/token-ids.ts",
        text: "if (Array.isArray(added))",
        replacement: "if (added === vocabulary && Array.isArray(added))",
      },
      {
        name: "labels of a classifier may come in any order",
        file: "src/models/labels.ts",
        text: "name === labels[at]",
        replacement: "labels.includes(name)",
      },
    ],
  ),
  ...noticedBy(
    ["test/models/built-model.test.ts"],
    [
      {
        name: "a form counts as built without the numbers that its build kept",
        file: "src/models/built-model.ts",
        text: "manifest !== undefined && !lacksNumbers(manifest, dtype)",
        replacement: "manifest !== undefined && !lacksNumbers({ id: model.id }, dtype)",
      },
    ],
  ),
  ...noticedBy(
    ["test/models/built-model.test.ts"],
    [
      {
        name: "a later pull takes away original weights that were to be kept",
        file: "src/models/stored-parts.ts",
        text: "if (!existsSync(keepMark(directory, id)))",
        replacement: "if (keepMark(directory, id) !== id)",
      },
    ],
  ),
  ...noticedBy(
    ["test/models/model-sizes.test.ts"],
    [
      {
        name: "the disk that pulls need at most is that of the last of them",
        file: "src/models/pull-plan.ts",
        text: "total.peak = Math.max(total.peak, total.result + peak);",
        replacement: "total.peak = total.result + peak;",
      },
    ],
  ),
  ...noticedBy(
    ["test/models/pull.test.ts"],
    [
      {
        name: "a manifest may say another use of a model's files",
        file: "src/models/locked-manifest.ts",
        text: "USES.filter((field) => !Bun.deepEquals(locked[field], known[field]))",
        replacement: "USES.filter((field) => locked[field] === undefined && known[field] !== undefined)",
      },
    ],
  ),
  ...noticedBy(
    ["test/models/model-sizes.test.ts"],
    [
      {
        name: "a matrix that a source holds twice is built twice",
        file: "src/models/model-sizes.ts",
        text: "Math.min(1, inSource / (words + others))",
        replacement: "inSource / (words + others)",
      },
    ],
  ),
  ...noticedBy(
    ["test/cli/first-start.test.ts"],
    [
      {
        name: "weights of the operator do not count in what scoring cannot judge",
        file: "src/rewards/blind-spots.ts",
        text: "activeRewards(profile, weights).some(",
        replacement: "profile.rewards.some(",
      },
    ],
  ),
  ...noticedBy(
    ["test/cli/miners.test.ts"],
    [
      {
        name: "a spool of W&B is a journal",
        file: "src/cli/journal-folder.ts",
        text: "if (isSpool(folder)) return [];",
        replacement: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/cli/doctor/local.test.ts"],
    [
      {
        name: "doctor does not warn of a profile that judges nothing on a public network",
        file: "src/cli/doctor/model-checks.ts",
        text: "if (!isPublic || hasJudge(chosen, choice)) return ok(found);",
        replacement: "if (!isPublic || name !== reason) return ok(found);",
      },
    ],
  ),
  ...noticedBy(
    ["test/inference/graph/log-prob.test.ts"],
    [
      {
        name: "a model that is sure of a seen token gives no number",
        file: "src/inference/graph/language.ts",
        text: "Math.max(1 - had, seen.has(next) ? 0 : share(logit), SMALLEST_SHARE)",
        replacement: "1 - had",
      },
    ],
  ),
];

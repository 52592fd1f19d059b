import { wandbFailure } from "./failure.ts";

/** Which runs are wanted; what is left out does not matter. */
export interface RunWishes {
  runs: readonly string[];
  /** A run has all of them. */
  tags: readonly string[];
  states: readonly string[];
  /** ISO 8601: made then or later. */
  since: string | undefined;
  /** JSON, as the official client takes it. */
  filters: string | undefined;
}

type Filter = Record<string, unknown>;
const MAX_DEPTH = 16;

/**
 * The wishes in W&B's language, which is MongoDB's. Its server fails on a list of tags and on `$all`, which the official
 * client shows as a hang; both become an `$and` of `$in`.
 * @throws Failure `wandb.bad-filter`
 */
export function filterOf({ runs, tags, states, since, filters }: RunWishes): Filter {
  const parts: Filter[] = [
    ...(runs.length > 0 ? [{ name: { $in: runs } }] : []),
    ...tags.map((tag) => ({ tags: { $in: [tag] } })),
    ...(states.length > 0 ? [{ state: { $in: states } }] : []),
    ...(since === undefined ? [] : [{ createdAt: { $gte: since } }]),
    ...(filters === undefined ? [] : [mended(parsed(filters), 0)]),
  ];
  return parts.length > 1 ? { $and: parts } : (parts[0] ?? {});
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badFilter("is not JSON");
  }
}

function mended(value: unknown, depth: number): Filter {
  if (depth > MAX_DEPTH) throw badFilter("is nested too deep");
  if (!isFilter(value)) throw badFilter("is not an object of conditions");
  const parts = Object.entries(value).map(([name, condition]): Filter => {
    if (name === "$and" || name === "$or" || name === "$nor") {
      if (!Array.isArray(condition)) throw badFilter(`needs a list behind ${name}`);
      return { [name]: condition.map((one) => mended(one, depth + 1)) };
    }
    const { $all: all, ...others } = isFilter(condition) ? condition : {};
    const every = Array.isArray(condition) ? condition : all;
    if (every === undefined) return { [name]: condition };
    if (name !== "tags" || !Array.isArray(every))
      throw badFilter(
        `asks for a list of ${JSON.stringify(name)}, which the server cannot answer; write $in`,
      );
    const rest = Object.keys(others).length > 0 ? [{ tags: others }] : [];
    return { $and: [...every.map((tag) => ({ tags: { $in: [tag] } })), ...rest] };
  });
  return parts.length > 1 ? { $and: parts } : (parts[0] ?? {});
}

function isFilter(value: unknown): value is Filter {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function badFilter(what: string): Error {
  return wandbFailure("wandb.bad-filter", {
    message: `--filters ${what}`,
    hint: `for example --filters '{"config.netuid": 1, "state": {"$in": ["finished"]}}'`,
  });
}

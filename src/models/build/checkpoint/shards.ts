import type { Found } from "./extent.ts";
import { damaged, quoted, refusedFile } from "./refusal.ts";
import { strictObject } from "./strict-json.ts";
import { readSmall } from "./weights-file.ts";

/** Each of at most some gigabytes, as they are published. */
const MAX_SHARDS = 256;
export const MAX_INDEX_BYTES = 2_000_000;

/**
 * Files that an index of shards names, each with the tensors that it must hold.
 * @param ending that a shard has
 * @throws Failure `model.corrupt`, or `model.refused` for a name that is none of a file in the folder
 */
export async function readIndex(
  folder: string,
  index: string,
  ending: string,
): Promise<Map<string, Set<string>>> {
  const { weight_map: map } = strictObject(index, await readSmall(folder, index, MAX_INDEX_BYTES));
  if (typeof map !== "object" || map === null || Array.isArray(map) || Object.keys(map).length === 0)
    throw damaged(index, "has no weight_map, which tells where each tensor lies");
  const shards = new Map<string, Set<string>>();
  for (const [tensor, shard] of Object.entries(map)) {
    checkName(index, shard, ending);
    const held = shards.get(shard);
    if (held === undefined) shards.set(shard, new Set([tensor]));
    else held.add(tensor);
  }
  if (shards.size > MAX_SHARDS)
    throw refusedFile(
      index,
      `names ${shards.size} files, and no model here has more than ${MAX_SHARDS}`,
      "take the checkpoint from where it was published",
    );
  return shards;
}

function checkName(index: string, shard: unknown, ending: string): asserts shard is string {
  const hint = "take the checkpoint from where it was published";
  if (shard === index) throw refusedFile(index, "names itself as a file of weights", hint);
  if (typeof shard === "string" && /^\w[\w.-]*$/.test(shard) && shard.endsWith(ending)) return;
  throw refusedFile(
    index,
    `names ${quoted(String(shard))}, which is no ${ending} file beside it; files elsewhere are not opened`,
    hint,
  );
}

/**
 * Puts what a shard holds to what the others do.
 * @param expected what the index says of it
 * @throws Failure `model.corrupt` where the two differ
 */
export function joinShard(
  all: Found,
  shard: string,
  { tensors, others }: Found,
  expected: ReadonlySet<string>,
): void {
  for (const name of [...tensors.keys(), ...others.keys()]) {
    if (all.tensors.has(name) || all.others.has(name))
      throw damaged(shard, `holds ${quoted(name)}, which another shard holds as well`);
    if (!expected.has(name)) throw damaged(shard, `holds ${quoted(name)}, which the index puts elsewhere`);
  }
  for (const name of expected)
    if (!tensors.has(name) && !others.has(name))
      throw damaged(shard, `lacks ${quoted(name)}, which the index says is there`, {
        hint: "the shards may be of different models: get them all again, and the index with them",
      });
  for (const [name, extent] of tensors) all.tensors.set(name, extent);
  for (const [name, type] of others) all.others.set(name, type);
}

import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { syncDirectory, writeFileAtomic } from "../../base/atomic.ts";
import { sha256OfFile } from "../../base/file-hash.ts";
import { inFolder } from "../../base/in-folder.ts";
import { lockFolder } from "../../base/lock.ts";
import { stopped } from "../question.ts";
import { literal } from "../views/view.ts";
import type { Value, Warehouse } from "../warehouse.ts";
import { cardOf } from "./card.ts";
import { LineFile, type Written } from "./line-file.ts";
import { type DatasetFile, type Manifest, type SourceRun, SPLITS, type Split } from "./manifest.ts";
import { pickExamples } from "./picks.ts";
import { LAID, type Window, windowsOf, writePieces } from "./pieces.ts";
import { PRIVATE_KINDS, type PrivateCounts } from "./private-text.ts";
import { datasetFailure, factsOf, type Recipe } from "./recipe.ts";
import { gatherRows, REASONS, type Reason } from "./rows.ts";
import type { From, Known, Shape } from "./shape.ts";
import { SHAPES } from "./shapes.ts";

/** Rows of every run of the command into one folder; what datasets grow from. Hidden, so that no loader takes it. */
const ROWS_FILE = ".rows.parquet";
const RECIPE_FILE = ".recipe.json";
const MANIFEST_FILE = "manifest.json";
const CARD_FILE = "README.md";
/** Earlier programs left this one behind. */
const OLD_LOCK_FILE = ".lock";

/**
 * Makes a dataset in a folder, or lets the one that is there grow by events it has not seen. The folder's own rows are
 * replaced first and everything else is made from them, so that a run that is killed loses nothing: the next one makes
 * the rest. Two runs over halves of the events give the bytes of one run over all.
 * @param warehouse may write to the folder
 * @throws Failure `dataset.*`, `query.*`, and what the system says
 */
export async function makeDataset(
  warehouse: Warehouse,
  recipe: Recipe,
  folder: string,
  signal: AbortSignal,
): Promise<Manifest> {
  return await inFolder(folder, () => makeIn(folder, warehouse, recipe, signal));
}

async function makeIn(
  folder: string,
  warehouse: Warehouse,
  recipe: Recipe,
  signal: AbortSignal,
): Promise<Manifest> {
  const unlock = lockFolder(folder);
  if (unlock === undefined)
    throw datasetFailure(
      "dataset.busy",
      `${folder} is being written by another openvalidator`,
      "wait until it is done",
    );
  let isFirst = false;
  try {
    isFirst = checkFolder(folder, recipe);
    const shape = SHAPES[recipe.format];
    const rowsFile = join(folder, ROWS_FILE);
    const newRows = `${rowsFile}.new`;
    await gatherRows(warehouse, recipe, { grain: shape.grain, before: rowsFile, file: newRows, signal });
    const manifest = await describe(warehouse, recipe);
    const windows = await windowsOf(warehouse);
    const repeats = await pickExamples(warehouse, recipe, { grain: shape.grain, windows, folder, signal });
    if (repeats.duplicate > 0) manifest.leftOut.duplicate = repeats.duplicate;
    if (repeats.near > 0) manifest.leftOut.near = repeats.near;
    const known = { columns: await columnsOf(warehouse) };
    for (const split of SPLITS.slice(0, recipe.validation > 0 ? 2 : 1))
      manifest.files.push(
        await writeSplit(
          warehouse,
          shape,
          recipe,
          { known, parts: partsOf(shape, windows, sideSql(recipe, split)) },
          folder,
          split,
          manifest,
          signal,
        ),
      );
    if (manifest.files.every(({ examples }) => examples === 0))
      throw datasetFailure(
        "dataset.empty",
        emptySentence(manifest, recipe),
        "take other events, or fewer filters",
      );
    renameSync(newRows, rowsFile);
    for (const { name } of manifest.files) renameSync(join(folder, `.${name}.new`), join(folder, name));
    syncDirectory(folder);
    writeFileAtomic(join(folder, CARD_FILE), cardOf(recipe, manifest, shape.features(known)), 0o644);
    writeFileAtomic(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`, 0o644);
    return manifest;
  } finally {
    // A first run of which nothing came leaves nothing.
    if (isFirst && !existsSync(join(folder, ROWS_FILE))) rmSync(join(folder, RECIPE_FILE), { force: true });
    for (const name of readdirSync(folder))
      if (name.startsWith(".") && name.endsWith(".new")) rmSync(join(folder, name), { force: true });
    unlock();
  }
}

/**
 * Nothing that is not ours is written over, and no dataset is continued by another recipe. The recipe is noted before
 * anything else is written, so that a run which was killed is known as ours.
 * @returns true when it was not noted before
 */
function checkFolder(folder: string, recipe: Recipe): boolean {
  const noted = join(folder, RECIPE_FILE);
  const facts = JSON.stringify(factsOf(recipe));
  const isOurs = existsSync(noted);
  if (isOurs && readFileSync(noted, "utf8") === facts) return false;
  if (existsSync(join(folder, MANIFEST_FILE)) && isOurs)
    throw datasetFailure(
      "dataset.other-recipe",
      `${folder} holds a dataset of another format, seed or filters`,
      "give another folder with --out, or the flags that its README.md shows",
    );
  const strange = readdirSync(folder).find(
    (name) => !isOurs && name !== OLD_LOCK_FILE && !name.startsWith(".git"),
  );
  if (strange !== undefined)
    throw datasetFailure(
      "dataset.not-ours",
      `${folder} holds ${strange}, and is no dataset of this program`,
      "give an empty folder, or one that is not there yet, with --out",
    );
  // Of a first run by another recipe that was killed.
  for (const name of readdirSync(folder))
    if (name === ROWS_FILE || /^(?:train|validation)\.\w+$/.test(name)) rmSync(join(folder, name));
  writeFileAtomic(noted, facts, 0o644);
  return true;
}

/** What the rows say of themselves, before examples are chosen. */
async function describe(warehouse: Warehouse, recipe: Recipe): Promise<Manifest> {
  const reasons = await warehouse.rows(
    "SELECT reason, count(*) AS n FROM kept GROUP BY reason ORDER BY reason NULLS FIRST",
  );
  const [sums] = await warehouse.rows(
    `SELECT ${PRIVATE_KINDS.map((kind) => `coalesce(sum(${kind}), 0)::BIGINT AS ${kind}`).join(", ")} FROM kept WHERE reason IS NULL`,
  );
  const runs = await warehouse.rows(
    `SELECT run, any_value(netuid) AS netuid, any_value(hotkey) AS hotkey,
       strftime(min(time), '%Y-%m-%dT%H:%M:%SZ') AS "from", strftime(max(time), '%Y-%m-%dT%H:%M:%SZ') AS "to",
       count(DISTINCT sequence) AS steps
     FROM kept WHERE reason IS NULL GROUP BY run ORDER BY min(time), run`,
  );
  return {
    recipe: factsOf(recipe),
    seen: reasons.reduce((sum, { n }) => sum + Number(n), 0),
    leftOut: Object.fromEntries(
      reasons.flatMap(({ reason, n }) => (reason === null ? [] : [[reason as Reason, Number(n)]])),
    ),
    replaced: Object.fromEntries(PRIVATE_KINDS.map((kind) => [kind, Number(sums![kind])])) as PrivateCounts,
    neutralised: 0,
    files: [],
    runs: runs as unknown as SourceRun[],
  };
}

async function columnsOf(warehouse: Warehouse): Promise<string[]> {
  const rows = await warehouse.rows(
    "SELECT DISTINCT unnest(map_keys(columns)) AS name FROM kept WHERE reason IS NULL ORDER BY name",
  );
  return rows.map(({ name }) => String(name));
}

/** What some of the examples are made of, and what has to be there before. */
interface Part {
  from: From;
  window?: Window;
}

/** Some thousand rows at once where that gives the same, in order. */
function partsOf({ isInOrder }: Shape, windows: readonly Window[], side: string): Part[] {
  if (!isInOrder) return [{ from: { picked: "picked", kept: "kept", side } }];
  return windows.map((window) => {
    const within = (name: string): string => `(SELECT * FROM ${name} WHERE ${window.holds("id")})`;
    return { from: { picked: within("picked"), kept: within(LAID), side }, window };
  });
}

async function writeSplit(
  warehouse: Warehouse,
  shape: Shape,
  recipe: Recipe,
  { known, parts }: { known: Known; parts: readonly Part[] },
  folder: string,
  split: Split,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<DatasetFile> {
  const name = `${split}.${shape.extension}`;
  const path = join(folder, `.${name}.new`);
  const rowsOf = async ({ from, window }: Part): Promise<string> => {
    await window?.lay();
    return shape.select(recipe, from, known);
  };
  if (shape.text === undefined)
    return { name, split, ...(await writeParquet(warehouse, parts, rowsOf, path)) };
  const out = new LineFile(path);
  const { head, between, tail, entries } = shape.text;
  out.write(head);
  let examples = 0;
  const onChanged = (): void => void manifest.neutralised++;
  for await (const entry of entries(single(warehouse, parts, rowsOf, signal), recipe, known, onChanged)) {
    out.write(examples === 0 ? entry : between + entry);
    examples++;
  }
  out.write(tail);
  return { name, split, examples, ...out.end() };
}

/** A prompt's side hangs on itself and the seed alone, so that it never changes and no prompt is on both. */
function sideSql({ validation, seed }: Recipe, split: Split): string {
  if (validation === 0) return "true";
  const draw = `('0x' || substr(sha256('${seed}:' || k.prompt), 1, 8))::BIGINT`;
  return `${draw} ${split === "validation" ? "<" : ">="} ${Math.round(validation * 2 ** 32)}`;
}

async function* single(
  warehouse: Warehouse,
  parts: readonly Part[],
  rowsOf: (part: Part) => Promise<string>,
  signal: AbortSignal,
): AsyncGenerator<Value[]> {
  for (const part of parts)
    for await (const rows of (await warehouse.stream(await rowsOf(part))).chunks) {
      if (signal.aborted) throw stopped();
      yield* rows;
    }
}

async function writeParquet(
  warehouse: Warehouse,
  parts: readonly Part[],
  rowsOf: (part: Part) => Promise<string>,
  path: string,
): Promise<Written & { examples: number }> {
  await writePieces(warehouse, path, parts, rowsOf);
  const [row] = await warehouse.rows(`SELECT count(*) AS n FROM read_parquet(${literal(path)})`);
  return { examples: Number(row!.n), bytes: statSync(path).size, sha256: await sha256OfFile(path) };
}

function emptySentence({ seen, leftOut }: Manifest, { format, margin }: Recipe): string {
  const kept = seen - Object.values(leftOut).reduce((sum, n) => sum + n, 0);
  if (format === "dpo-pairs" && kept > 0)
    return `none of the ${kept} answers that are left of ${seen} differs from another of its step by --margin ${margin}`;
  const most = (Object.entries(leftOut) as [Reason, number][]).sort(([, a], [, b]) => b - a)[0];
  return most === undefined
    ? "there are no answers in these events"
    : `nothing is left of ${seen} answers: ${most[1]} are left out: ${REASONS[most[0]]}`;
}

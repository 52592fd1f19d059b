import { Failure } from "../../base/error.ts";
import type { MemoryChanges, RowChanges } from "../../base/vocabulary.ts";
import type { MovingScores } from "../../weights/scores.ts";
import { type Evidence, PARTS, type Part, type StepCommit } from "./content.ts";
import type { StateCode } from "./failure.ts";
import { MAX_ROW_WIDTH } from "./rows.ts";

interface PendingPart {
  json?: string;
  tables: Map<string, RowChanges>;
}

/**
 * What is to be written with the next transaction. Commits that could not be written are merged by key, so what waits is
 * never more than the state itself, however long a disk is full.
 */
export class PendingChanges {
  steps: number | undefined;
  evidence: Evidence | undefined;
  scores: MovingScores | undefined;
  /** Hash of the file of 0.1.0 that this comes from. */
  imported: string | undefined;
  readonly parts: Record<Part, PendingPart> = { judge: { tables: new Map() }, router: { tables: new Map() } };

  get isEmpty(): boolean {
    return (
      this.steps === undefined &&
      this.scores === undefined &&
      PARTS.every((part) => this.parts[part].json === undefined && this.parts[part].tables.size === 0)
    );
  }

  /**
   * Takes a commit over whatever waits. Numbers that are not finite stay outside: a uid keeps its score before, a row and
   * a JSON value what they were, and everything else is taken.
   * @param before scores of the last commit
   * @returns what was refused
   */
  add(commit: StepCommit, before: MovingScores | undefined): string[] {
    const refused: string[] = [];
    this.steps = commit.steps;
    this.evidence = commit.evidence ?? this.evidence;
    if (commit.scores) this.scores = soundScores(commit.scores, this.scores ?? before, refused);
    for (const part of PARTS) {
      const changes = commit[part];
      if (changes) this.#addPart(part, changes, refused);
    }
    return refused;
  }

  #addPart(part: Part, { json, tables }: MemoryChanges, refused: string[]): void {
    const pending = this.parts[part];
    const text = finiteJson(json);
    if (text === undefined) refused.push(`the values of the ${part}`);
    else pending.json = text;
    for (const [name, changes] of Object.entries(tables)) {
      const sound = soundRows(changes, (key) => refused.push(`row ${key} of the ${part}'s ${name}`));
      pending.tables.set(name, merge(pending.tables.get(name), sound));
    }
  }
}

/** @throws nothing; the caller throws it when the sound rest is written */
export function badNumbers(refused: readonly string[]): Failure<StateCode> {
  const more = refused.length > 3 ? ` and ${refused.length - 3} more` : "";
  return new Failure<StateCode>("state.bad-number", {
    message: `The state takes no number that is not finite: ${refused.slice(0, 3).join(", ")}${more}; what was saved before stays`,
    hint: "this is a fault of a reward model or of openvalidator; please report it",
    data: { refused },
  });
}

function soundScores(
  { neurons, scores, asked }: MovingScores,
  before: MovingScores | undefined,
  refused: string[],
): MovingScores {
  // Copied: the caller goes on counting while these wait for a disk.
  const sound = scores.slice();
  for (const [uid, score] of sound.entries()) {
    if (Number.isFinite(score)) continue;
    refused.push(`the score of uid ${uid}`);
    sound[uid] = before?.neurons[uid]?.hotkey === neurons[uid]?.hotkey ? (before?.scores[uid] ?? 0) : 0;
  }
  return {
    neurons: neurons.map(({ hotkey, registeredAt }) => ({ hotkey, registeredAt })),
    scores: sound,
    asked: asked.slice(),
  };
}

function soundRows(changes: RowChanges, onRefused: (key: number) => void): RowChanges {
  const put = new Map<number, Float32Array>();
  for (const [key, row] of changes.put) {
    if (row.length > MAX_ROW_WIDTH)
      throw new RangeError(`a row of ${row.length} numbers; the state takes ${MAX_ROW_WIDTH}`);
    if (row.every(Number.isFinite)) put.set(key, row);
    else onRefused(key);
  }
  return { ...changes, put };
}

/** Both changes as one. */
function merge(first: RowChanges | undefined, then: RowChanges): RowChanges {
  if (first === undefined || then.isWhole) return then;
  const deleteBelow = Math.max(first.deleteBelow ?? -Infinity, then.deleteBelow ?? -Infinity);
  const put = new Map([...first.put, ...then.put]);
  for (const key of put.keys()) if (key < deleteBelow) put.delete(key);
  return { put, deleteBelow, isWhole: first.isWhole === true };
}

/** undefined when a number in it is not finite, which JSON would turn into null. */
function finiteJson(value: unknown): string | undefined {
  let hasBadNumber = false;
  const text = JSON.stringify(value ?? null, (_, item: unknown) => {
    hasBadNumber ||= typeof item === "number" && !Number.isFinite(item);
    return item;
  });
  return hasBadNumber ? undefined : text;
}

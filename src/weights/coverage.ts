/** Whether every miner can have a turn in an epoch: by chance, or at all. Pure. */

export interface Pace {
  /** Miners that can be asked. */
  miners: number;
  /** Those asked in one step, on average. */
  sampleSize: number;
  stepsPerEpoch: number;
  /** Whether the steps were counted, or are what the time limits of miners leave room for at least. */
  isMeasured: boolean;
}

export interface Coverage {
  /** `short`: an epoch has too few steps · `chance`: some miss their turn by chance · `full`: none does. */
  state: "short" | "chance" | "full";
  /** One sentence. */
  text: string;
}

/** Below this many of all miners a turn that is missed by chance is not worth a word. */
const NOTABLE_MISSES = 0.5;

/** @param covers those without a turn are asked first, so that chance plays no part */
export function coverageOf(pace: Pace, covers: boolean): Coverage {
  const { miners, stepsPerEpoch, isMeasured } = pace;
  const sampleSize = Math.min(pace.sampleSize, miners);
  const steps = `an epoch has ${isMeasured ? "about" : "room for at least"} ${count(stepsPerEpoch)} steps of ${count(sampleSize)} miners`;
  const turns = miners === 0 ? Number.POSITIVE_INFINITY : (stepsPerEpoch * sampleSize) / miners;
  if (turns < 1)
    return {
      state: "short",
      text: `${steps}, fewer than one turn for each of ${miners}`,
    };
  const missed = covers ? 0 : miners * (1 - sampleSize / miners) ** stepsPerEpoch;
  if (missed >= NOTABLE_MISSES)
    return {
      state: "chance",
      text: `${steps}: by chance about ${count(missed)} of ${miners} have no turn in it`,
    };
  return { state: "full", text: `${steps}: every one of ${miners} has a turn in it` };
}

const count = (value: number): string => String(value < 10 ? Number(value.toFixed(1)) : Math.round(value));

import { decimal, integer, type Kind, list, toggle } from "./kinds.ts";
import { type OptionTable, option } from "./option.ts";

/** A share of all weight, and the uid it goes to. */
export interface Burn {
  /** 0..1 */
  share: number;
  /** undefined = the subnet owner's. */
  uid: number | undefined;
}

const share = decimal({ min: 0, max: 1 });
const uid = integer({ min: 0, max: 65_535 });

const burn: Kind<Burn | undefined> = {
  hint: "SHARE[:UID]",
  format: (value) =>
    value === undefined ? "" : value.uid === undefined ? String(value.share) : `${value.share}:${value.uid}`,
  parse(value) {
    const [first = "", second, ...more] = value.split(":");
    if (more.length > 0) throw new Error("is no SHARE or SHARE:UID");
    return { share: share.parse(first), uid: second === undefined ? undefined : uid.parse(second) };
  },
};

/** An address is 47 or 48 characters of base 58; its checksum is not looked at, for a wrong one matches nobody. */
const address: Kind<string> = {
  hint: "ADDRESS",
  parse(value) {
    if (!/^[1-9A-HJ-NP-Za-km-z]{47,49}$/.test(value)) throw new Error("is no SS58 address");
    return value;
  },
};

const mechanisms: Kind<readonly number[]> = {
  ...list(integer({ min: 0, max: 15 }, "MECID")),
  parse(value) {
    const mecids = list(integer({ min: 0, max: 15 })).parse(value);
    if (mecids.length === 0) throw new Error("names no mechanism");
    return mecids;
  },
};

/** What an operator may ask of weights beyond the scores. All of it is off by default; `weights show` tells what it does. */
export const WEIGHTS_OPTIONS = {
  "neuron.mecid": option(
    mechanisms,
    [0],
    "chain",
    "Mechanisms of the subnet that get weights, with commas: to each the same scores, which count by its share of the emission.",
  ),
  "weights.burn": option(
    burn,
    undefined,
    "chain",
    "Part of all weight, 0 to 1, for one uid (default: the subnet owner's, whose earnings burn).",
  ),
  "weights.burn_idle": option(
    toggle,
    false,
    "chain",
    "When no miner earned anything, give all weight to that uid rather than set none.",
  ),
  "weights.smoothing": option(
    decimal({ min: 0, max: 0.99 }),
    0,
    "chain",
    "Part of the weights on chain that stays in the new ones.",
  ),
  "weights.steepness": option(
    decimal({ min: 0.1, max: 20 }),
    1,
    "chain",
    "Power of the scores that weights are in proportion to; more favours the best.",
  ),
  "weights.floor": option(
    share,
    0,
    "chain",
    "Score of a miner that was never asked, as a part of the mean score of the others.",
  ),
  "weights.deny": option(
    list(address),
    [],
    "chain",
    "Hotkeys and coldkeys, with commas, that get no weight.",
  ),
  "weights.before_epoch": option(
    integer({ min: 0, max: 10_000 }, "BLOCKS"),
    0,
    "chain",
    "Set weights so many blocks before each epoch, as others with this number do, and once in each also where it has fewer; 0 = an epoch after the last.",
  ),
} as const satisfies OptionTable;

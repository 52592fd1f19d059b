import type { Settings } from "../../config/options.ts";
import type { ModelRole } from "../../config/scoring-options.ts";
import type { ReadText, TextEmbedder } from "../../inference/embedding-cache.ts";
import { TaskFitReward } from "../models/task-fit.ts";
import type { Mask } from "../parts.ts";
import type { Profile, ProfileModel } from "../profile.ts";
import type { ServedModels } from "../served.ts";
import { BlacklistMask } from "./blacklist.ts";
import { BorrowingMask } from "./borrowing.ts";
import { ContradictionMask } from "./contradiction.ts";
import { DiversityMask } from "./diversity.ts";
import { FitMask } from "./fit.ts";
import { FormMask } from "./form.ts";
import { NgramBlacklistMask } from "./ngram-blacklist.ts";
import { NsfwMask } from "./nsfw.ts";
import { OrderMask } from "./order.ts";
import { RelevanceMask } from "./relevance.ts";
import { TaskValidatorMask } from "./task-validator.ts";

/** What a mask may be made of. */
export interface MaskMaterial {
  profile: Profile;
  served: ServedModels;
  /** The encoder of this name, shared with the others on it. */
  embedderOf(model: string): TextEmbedder;
  /** What the encoder of this name tells, shared in the same way. */
  readerOf(model: string): (texts: string[]) => Promise<ReadText[]>;
  /** Listed phrases; ours when left out. */
  phrases?: readonly string[] | undefined;
}

/** A kind of mask: how the operator turns it on or off, what it needs, how it is made. */
export interface MaskKind {
  /** Its column in the events. */
  column: string;
  /** Flag that turns it off, or on where it is off by itself; by its name among the settings (config/scoring-options.ts). */
  flag: BooleanSetting;
  /** Whether it runs while nobody gives the flag. */
  isUsual: boolean;
  /** Models that it needs, if any, and the role under which they are placed. */
  role?: ModelRole;
  modelsIn?(profile: Profile): ProfileModel[];
  /** @returns undefined where the profile has none */
  make(material: MaskMaterial): Mask | undefined;
}

type BooleanSetting = {
  [Name in keyof Settings]: Settings[Name] extends boolean ? Name : never;
}[keyof Settings];

/** Every mask of this program, in the order of its columns. Nothing else is one; what lowers rewards by parts is a penalty. */
export const MASKS = {
  blacklist: {
    column: "blacklist_filter",
    flag: "neuronBlacklistOff",
    isUsual: true,
    make: ({ phrases }) => new BlacklistMask(phrases),
  },
  ngramBlacklist: {
    column: "ngram_blacklist_filter",
    flag: "neuronNgramBlacklist",
    isUsual: false,
    make: () => new NgramBlacklistMask(),
  },
  // Headings of another task. Not to be taken for the penalty task-validation, which measures length and form.
  taskValidator: {
    column: "task_validator_filter",
    flag: "neuronTaskValidatorOff",
    isUsual: true,
    make: () => new TaskValidatorMask(),
  },
  form: {
    column: "form_filter",
    flag: "neuronFormOff",
    isUsual: true,
    make: ({ profile: { form } }) => (form === true ? new FormMask() : undefined),
  },
  order: {
    column: "order_filter",
    flag: "neuronOrderOff",
    isUsual: true,
    role: "relevance",
    modelsIn: ({ order }) => (order === undefined ? [] : [order]),
    make: ({ profile: { order }, readerOf }) => order && new OrderMask(readerOf(order.model), order),
  },
  borrowing: {
    column: "borrowing_filter",
    flag: "neuronBorrowingOff",
    isUsual: true,
    make: ({ profile: { borrowing } }) => (borrowing === true ? new BorrowingMask() : undefined),
  },
  contradiction: {
    column: "contradiction_filter",
    flag: "neuronContradictionOff",
    isUsual: true,
    make: ({ profile: { contradiction } }) => (contradiction === true ? new ContradictionMask() : undefined),
  },
  fit: {
    column: "fit_filter",
    flag: "neuronFitOff",
    isUsual: true,
    role: "relevance",
    modelsIn: ({ fit }) => (fit === undefined ? [] : [fit]),
    make: ({ profile: { fit }, embedderOf }) => fit && new FitMask(new TaskFitReward(embedderOf(fit.model))),
  },
  relevance: {
    column: "relevance_filter",
    flag: "neuronRelevanceOff",
    isUsual: true,
    role: "relevance",
    modelsIn: ({ relevance }) => [relevance, ...(relevance.distance ? [relevance.distance] : [])],
    make: ({ profile: { relevance }, embedderOf }) =>
      new RelevanceMask({
        embedder: embedderOf(relevance.model),
        minCosine: relevance.minCosine,
        ...(relevance.distance && {
          distance: {
            embedder: embedderOf(relevance.distance.model),
            minNegativeRmse: relevance.distance.minNegativeRmse,
          },
        }),
      }),
  },
  diversity: {
    // A mask in spite of its name: the column of openvalidators 1.2.0, which journals and their readers know.
    column: "diversity_reward_model",
    flag: "neuronDiversityOff",
    isUsual: true,
    role: "diversity",
    modelsIn: ({ diversity }) => [diversity],
    make: ({ profile: { diversity }, embedderOf }) =>
      new DiversityMask({
        embedder: embedderOf(diversity.model),
        encoder: diversity.model,
        batch: { slope: diversity.batchSlope, shift: diversity.batchShift },
        history: { slope: diversity.historySlope, shift: diversity.historyShift },
      }),
  },
  nsfw: {
    column: "nsfw_filter",
    flag: "neuronNsfwOff",
    isUsual: true,
    role: "nsfw",
    modelsIn: ({ nsfw }) => (nsfw === undefined ? [] : [nsfw]),
    make: ({ profile: { nsfw }, served }) =>
      nsfw &&
      new NsfwMask({
        classify: (inputs) => served.classify(nsfw.model, inputs),
        rule: nsfw.rule,
        maxScore: nsfw.maxScore,
      }),
  },
} as const satisfies Record<string, MaskKind>;

export type MaskName = keyof typeof MASKS;
/** Which masks run, by name; those left out do as usual. */
export type MaskChoice = Readonly<Partial<Record<MaskName, boolean>>>;

/** The masks that run, in the order of their columns. */
export function chosenMasks(choice: MaskChoice): MaskKind[] {
  const named = Object.entries(MASKS) as [MaskName, MaskKind][];
  return named.filter(([name, { isUsual }]) => choice[name] ?? isUsual).map(([, kind]) => kind);
}

/** What the operator's flags say of each mask: a flag that is given turns the usual round. */
export function maskChoiceOf(settings: Settings): MaskChoice {
  const named = Object.entries(MASKS) as [MaskName, MaskKind][];
  return Object.fromEntries(named.map(([name, { flag, isUsual }]) => [name, settings[flag] !== isUsual]));
}

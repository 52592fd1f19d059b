import { mapInTurns } from "../../base/turn.ts";
import type { Question } from "../../base/vocabulary.ts";
import { normalizedBeginning } from "../normalized-text.ts";
import type { Penalty } from "../parts.ts";

/** As in text-prompting 2.1.6: what gives a text away stands at its beginning. */
const BEGINNING_CHARACTERS = 200;
const PENALTY_PER_MATCH = 0.1;

/**
 * Beginnings of a program that talks about itself or its task where it should do it. Tried on at most 200 characters in
 * lower case with plain apostrophes and single spaces.
 */
const GIVEAWAYS: readonly RegExp[] = [
  // as an AI language model; I am a chatbot
  /\bas an? (?:helpful )?(?:ai|artificial intelligence|(?:large )?language model)\b/,
  /\bi(?: a|')m (?:just |only )?an? (?:ai|artificial intelligence|(?:large )?language model|chatbot|virtual assistant)\b/,
  // I'm sorry; I apologise; my apologies
  /\bi(?: am|'m) (?:very |so )?sorry\b|\bi (?:must )?apologi[sz]e\b|\bmy apologies\b/,
  // I cannot help; I am unable to answer
  /\bi (?:cannot|can't|can not|am unable to|am not able to) (?:answer|assist|fulfil|fulfill|help|provide|summari[sz]e)\b/,
  // my knowledge cutoff; my training data
  /\bmy (?:knowledge cut-?off|last update|training data)\b/,
  // Sure! Certainly, … Of course: …
  /^(?:absolutely|certainly|of course|sure|sure thing)[!,.:]/,
  // Here is a summary of the text
  /\bhere(?: i|')s (?:a|an|my|the|your) (?:\w{1,20} ){0,2}(?:answer|paraphrase|question|response|solution|summary)\b/,
  // the prompt's own instruction, or one of another kind
  /\b(?:my|the|your) task (?:is|was) to\b|\bsummari[sz]e the text below\b|\bask one insightful question\b|\breply with the question only\b/,
  // I hope this helps; let me know if
  /\b(?:hope (?:that|this) helps|let me know if)\b/,
];

/** 0.1 for each giveaway of a chat program in the first 200 characters. */
export class ContentMatchPenalty implements Penalty {
  readonly name = "content_match_penalty";
  readonly max: number;

  /** @param max 0.2 in text-prompting 2.1.6 */
  constructor(max = 0.2) {
    this.max = max;
  }

  async apply(_question: Question, completions: string[]): Promise<number[]> {
    return mapInTurns(completions, (completion) => {
      const beginning = normalizedBeginning(completion, "NFKC", BEGINNING_CHARACTERS)
        .toLowerCase()
        .replace(/[‘’ʼ]/g, "'")
        .replace(/\s+/g, " ");
      return GIVEAWAYS.filter((giveaway) => giveaway.test(beginning)).length * PENALTY_PER_MATCH;
    });
  }
}

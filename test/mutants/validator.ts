import { type Mutant, noticedBy } from "./mutant.ts";

export const VALIDATOR_MUTANTS: readonly Mutant[] = [
  ...noticedBy(
    ["test/validator/whose-update.test.ts", "test/validator/metagraph-duty.test.ts"],
    [
      {
        name: "a miner that gets its uid back has no claim before the next reading",
        file: "src/validator/claims.ts",
        text: "return back !== undefined && isAsked(back.neuron) ? of.lapsed(back) : other;",
        replacement: "return other;",
      },
      {
        name: "a miner that gets its uid back begins from nothing",
        file: "src/validator/metagraph-duty.ts",
        text: "alignScores(held, subnet.neurons, state.lapsed)",
        replacement: "alignScores(held, subnet.neurons)",
      },
      {
        name: "the reveal of an own commit is somebody else's update",
        file: "src/validator/whose-update.ts",
        text: "if (row !== undefined && commits.some((commit) => isSameRow(row, commit)))",
        replacement: "if (row === undefined && commits.length < 0)",
      },
      {
        name: "the weights of a foreign update are read again and again",
        file: "src/validator/metagraph-duty.ts",
        text: "known.set(mecid, ownLastUpdate);",
        replacement: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/validator/open-miners.test.ts"],
    [
      {
        name: "private addresses are always allowed",
        file: "src/miners/policy.ts",
        text: "allowPrivate: !isPublicChain || facts.isMockPool === true,",
        replacement: "allowPrivate: true,",
      },
      {
        name: "the guard of finney and the test network is gone",
        file: "src/miners/policy.ts",
        text: "if (facts.allowPrivate && isPublicChain)",
        replacement: "if (facts.allowPrivate && isPublicChain && external?.port === -1)",
      },
      {
        name: "no chain is a public one",
        file: "src/validator/open-miners.ts",
        text: "isPublicChain: isPublicGenesis(genesis),",
        replacement: 'isPublicChain: genesis === "",',
      },
    ],
  ),
  ...noticedBy(
    ["test/validator/unsettled.test.ts"],
    [
      {
        name: "weights after a kill do not exclude the ones before it",
        file: "src/validator/unsettled.ts",
        text: "return fate.nonce === null ? {} : { nonce: fate.nonce };",
        replacement: "return {};",
      },
    ],
  ),
  ...noticedBy(
    ["test/validator/weights-duty.test.ts"],
    [
      {
        name: "the chain's rate limit is ignored",
        file: "src/validator/weights-schedule.ts",
        text: "return last + Math.max(plan.settings.epochBlocks || tempo, weightsRateLimit);",
        replacement: "return last + (plan.settings.epochBlocks || tempo);",
      },
      {
        name: "who cannot be asked goes on earning weight",
        file: "src/validator/claims.ts",
        text: "state.subnet.neurons.filter(isAsked)",
        replacement: "state.subnet.neurons",
      },
      {
        name: "weights go by the uids of the last metagraph",
        file: "src/validator/claims.ts",
        text: "return holders.map(({ hotkey, registeredAt }) => {",
        replacement: `return holders.map(({ hotkey, registeredAt }, uid) => {
    if (byHotkey.size > 0) return of.held(uid as Uid);`,
      },
      {
        name: "a hotkey that registered anew keeps its weight",
        file: "src/validator/claims.ts",
        text: "if (neuron !== undefined && neuron.registeredAt === registeredAt) return of.held",
        replacement: "if (neuron !== undefined) return of.held",
      },
      {
        name: "the first weights need no evidence",
        file: "src/validator/weights-duty.ts",
        text: "this.#hasEvidence = missing === undefined;\n    return missing;",
        replacement: "this.#hasEvidence = missing === undefined;\n    return undefined;",
      },
      {
        name: "weights are not written down before they are signed",
        file: "src/validator/weights-duty.ts",
        text: "          recorder.saveSubmission(prepared, mecid);\n",
        replacement: "",
      },
      {
        name: "a refusal that names its blocks is tried at the next one",
        file: "src/validator/weights-duty.ts",
        text: "if (error.retryInBlocks !== undefined) return Math.max(1, error.retryInBlocks);",
        replacement: "if (error.retryInBlocks !== undefined) return 1;",
      },
      {
        name: "a reveal whose fate is unknown is forgotten",
        file: "src/validator/reveals.ts",
        text: "if (isFinal) recorder.settleReveal(commit);",
        replacement: "recorder.settleReveal(commit);",
      },
      {
        name: "weights that the chain has all the same are sent again",
        file: "src/validator/weights-duty.ts",
        text: "...[this.#lastSent, this.#lastOnChain].map(",
        replacement: "...[this.#lastSent].map(",
      },
    ],
  ),
  ...noticedBy(
    ["test/validator/clock.test.ts"],
    [
      {
        name: "a duty that still runs is started again",
        file: "src/validator/clock.ts",
        text: "if (this.#running.has(duty.name) || !duty.isDue(block)) continue;",
        replacement: "if (!duty.isDue(block)) continue;",
      },
    ],
  ),
  ...noticedBy(
    ["test/gating/layer.test.ts"],
    [
      {
        name: "the gating layer learns what all prompts have in common",
        file: "src/gating/centre.ts",
        text: "direction[at] = encoding[at]! - numbers[at]!;",
        replacement: "direction[at] = encoding[at]!;",
      },
      {
        name: "the gating layer never learns who is better at everything",
        file: "src/gating/centre.ts",
        text: "direction[hidden] = BIAS_PACE - shared;",
        replacement: "direction[hidden] = -shared;",
      },
    ],
  ),
  ...noticedBy(
    ["test/rewards/evidence.test.ts"],
    [
      {
        name: "two answers are ranked by each other",
        file: "src/rewards/normalize.ts",
        text: "batch.length >= TELLING_BATCH || this.#state.count >= TELLING_COUNT",
        replacement: "batch.length > 0",
      },
      {
        name: "an answer that takes longer loses less",
        file: "src/rewards/response-time.ts",
        text: "1 - weight * (",
        replacement: "1 - weight + weight * (",
      },
      {
        name: "rewards that differ by rounding are ranked",
        file: "src/rewards/normalize.ts",
        text: "deviation <= ROUNDING * Math.abs(mean)",
        replacement: "deviation === 0",
      },
    ],
  ),
  ...noticedBy(
    ["test/rewards/pipeline.test.ts"],
    [
      {
        name: "a failed step's masks run into the next",
        file: "src/rewards/pipeline.ts",
        text: "    await Promise.allSettled([...raws, ...verdicts, ...penalties, ...watched]);\n",
        replacement:
          "    for (const part of [...raws, ...verdicts, ...penalties, ...watched]) void part.catch(() => 0);\n",
      },
    ],
  ),
  ...noticedBy(
    ["test/validator/lanes.test.ts"],
    [
      {
        name: "a failed forward pass is tried again without back-off",
        file: "src/validator/lanes.ts",
        text: "backOffMs(FORWARD_BACK_OFF, tries++)",
        replacement: "backOffMs(FORWARD_BACK_OFF, 0)",
      },
      {
        name: "unexpected errors have no limit",
        file: "src/validator/lanes.ts",
        text: " || unexpected >= MAX_UNEXPECTED_IN_A_ROW",
        replacement: "",
      },
      {
        name: "a pass without a step is followed by the next at once",
        file: "src/validator/lanes.ts",
        text: 'tries = end.outcome === "ended" && end.steps > 0 ? 0 : tries + 1;',
        replacement: "tries = 0;",
      },
    ],
  ),
  ...noticedBy(
    ["test/validator/validator.test.ts"],
    [
      {
        name: "a uid that changed hands is credited",
        file: "src/validator/step.ts",
        text: "state.subnet.neurons[uid]?.hotkey === hotkey",
        replacement: "state.subnet.neurons[uid] !== undefined && hotkey !== undefined",
      },
      {
        name: "the last scores are not told",
        file: "src/validator/validator.ts",
        text: "    tellScores(session);\n",
        replacement: "",
      },
      {
        name: "a stop waits for a duty that hangs",
        file: "src/validator/validator.ts",
        text: "clock.stop(stopStageMs)",
        replacement: "clock.stop(1e8)",
      },
      {
        name: "a lost registration is tried again for ever",
        file: "src/validator/validator.ts",
        text: "if (isFatal(error)) unregistered(error);",
        replacement: "if (isFatal(error) && signal.aborted) end(error);",
      },
    ],
  ),
  ...noticedBy(
    ["test/validator/outage.test.ts"],
    [
      {
        name: "an outage is taken for evidence",
        file: "src/validator/step.ts",
        text: "if (outage !== undefined) {",
        replacement: "if (outage !== undefined && outage.text === undefined) {",
      },
      {
        name: "one miner's word makes an outage",
        file: "src/validator/outage.ts",
        text: "const MIN_WITNESSES = 4;",
        replacement: "const MIN_WITNESSES = 1;",
      },
      {
        name: "a silent sample is an outage whoever else is reached",
        file: "src/validator/outage.ts",
        text: "return !(await session.modules.miners.isAnyReachable(probesFor(session, chosen), session.signal));",
        replacement: "return true;",
      },
      {
        name: "miners that are gone are witnesses of what others say",
        file: "src/validator/outage.ts",
        text: "replies.filter(({ fault }) => fault === outage.cause).length >= MIN_WITNESSES",
        replacement: "replies.length >= MIN_WITNESSES",
      },
      {
        name: "a whole subnet that holds its connections passes for an outage",
        file: "src/validator/outage.ts",
        text: "return [others, chosen].flatMap(",
        replacement: "return [others].flatMap(",
      },
      {
        name: "who cannot be asked keeps the score",
        file: "src/validator/step.ts",
        text: "state.scores = decayScores(scores, absent, alpha, sampledShare(session, sampleSize));",
        replacement: "state.scores = scores;",
      },
    ],
  ),
  ...noticedBy(
    ["test/validator/resume.test.ts"],
    [
      {
        name: "miners are asked without a permit",
        file: "src/validator/resume.ts",
        text: "if (subnet.neurons[subnet.ownUid]?.hasValidatorPermit || !setsWeights) return;",
        replacement: "if (subnet.neurons.length > 0 || !setsWeights) return;",
      },
    ],
  ),
  ...noticedBy(
    ["test/validator/weighing.test.ts"],
    [
      {
        name: "a newcomer begins with the weight of the uid's last holder",
        file: "src/validator/weighing.ts",
        text: "Number.POSITIVE_INFINITY) < setAt",
        replacement: "Number.POSITIVE_INFINITY) <= setAt",
      },
    ],
  ),
  ...noticedBy(
    ["test/validator/state/recorder.test.ts"],
    [
      {
        name: "an error of the disk under the state ends the run",
        file: "src/validator/state/recorder.ts",
        text: "if (!(error instanceof Failure)) throw error;",
        replacement: "if (error !== undefined) throw error;",
      },
    ],
  ),
  ...noticedBy(
    ["test/validator/choose.test.ts"],
    [
      {
        name: "the validator asks itself",
        file: "src/validator/choose.ts",
        text: "neuron.uid !== state.subnet.ownUid &&",
        replacement: "state.subnet.ownUid >= 0 &&",
      },
    ],
  ),
];

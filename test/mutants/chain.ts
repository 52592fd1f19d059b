import { noticedBy } from "./mutant.ts";

const SUBMISSION = noticedBy(
  ["test/chain/submission.test.ts"],
  [
    {
      name: "weights are sent in the open though the subnet hides them",
      file: "src/chain/submission.ts",
      text: "return state.commitReveal",
      replacement: "return state.commitReveal && Date.now() < 0",
    },
    {
      name: "a submission is not tried again where the chain changed under it",
      file: "src/chain/submission.ts",
      text: "const ATTEMPTS = 3;",
      replacement: "const ATTEMPTS = 1;",
    },
    {
      name: "an unknown outcome is not looked for on chain",
      file: "src/chain/submission.ts",
      text: 'if (!isFailure<ChainCode>(error, "chain.outcome-unknown")) throw error;',
      replacement: "throw error;",
    },
    {
      name: "any old update of our weights is taken for this one",
      file: "src/chain/submission.ts",
      text: "if (seen.lastUpdate > Math.max(state.lastUpdate, state.head))",
      replacement: "if (seen.lastUpdate >= 0)",
    },
    {
      name: "weights of which nothing was heard count as refused in an outage",
      file: "src/chain/submission.ts",
      text: "{ error: cause });\n      return null;",
      replacement: "{ error: cause });\n      throw cause;",
    },
    {
      name: "a commit is sent by a plan of before a node hung",
      file: "src/chain/submission.ts",
      text: "if (!sender.isLast) assertNew(plan, connection.blockTimeMs);",
      replacement: "",
    },
    {
      name: "two submissions go at once",
      file: "src/chain/submission.ts",
      text: "return oneAtATime(connection, signer.hotkey, () => attempt({ connection, signer, hooks }, make, 1));",
      replacement: "return attempt({ connection, signer, hooks }, make, 1);",
    },
    {
      name: "a commit that is too large is sent",
      file: "src/chain/submission.ts",
      text: "if (sealed.length > MAX_COMMIT_BYTES)",
      replacement: "if (sealed.length < 0)",
    },
  ],
);

const MECHANISM = noticedBy(
  ["test/chain/mechanism.test.ts"],
  [
    {
      name: "weights go to the first mechanism whichever was chosen",
      file: "src/chain/submission.ts",
      text: '["setMechanismWeights", [netuid, mecid, uids',
      replacement: '["setMechanismWeights", [netuid, 0, uids',
    },
    {
      name: "the rate limit of one mechanism holds up another",
      file: "src/chain/precheck.ts",
      text: "lastUpdateItem(weights)",
      replacement: "lastUpdateItem({ netuid })",
    },
    {
      name: "the reveal of one mechanism is taken for another's",
      file: "src/chain/reveal.ts",
      text: "const row = weightsItem(pending, pending.uid);",
      replacement: "pending = { ...pending, mecid: 0 };\n  const row = weightsItem(pending, pending.uid);",
    },
  ],
);

const REVEAL = noticedBy(
  ["test/chain/reveal.test.ts"],
  [
    {
      name: "a node that does not read for a while leaves the reveal unknown",
      file: "src/chain/reveal.ts",
      text: "for (const block of unread) {",
      replacement: "for (const block of unread.slice(0, 0)) {",
    },
    {
      name: "a commit that the chain still holds is given up",
      file: "src/chain/reveal.ts",
      text: "if (!isHeld) break;",
      replacement: "break;",
    },
    {
      name: "blocks that cannot be read count as blocks without a reveal",
      file: "src/chain/reveal.ts",
      text: "if (found === undefined || isHeld === undefined)",
      replacement: "if (isHeld === undefined)",
    },
    {
      name: "a commit of which no node shows whether it is held counts as dropped",
      file: "src/chain/reveal.ts",
      text: "if (found === undefined || isHeld === undefined)",
      replacement: "if (found === undefined)",
    },
    {
      name: "what the node in use does not show of a commit is not asked of another one",
      file: "src/chain/reveal.ts",
      text: "if (ofThisNode !== undefined) return ofThisNode;",
      replacement: "if (Date.now() > 0) return ofThisNode;",
    },
  ],
);

const SECRETS = noticedBy(
  ["test/base/url.test.ts", "test/chain/secrets.test.ts"],
  [
    {
      name: "a user is shown",
      file: "src/base/url.ts",
      text: 'parsed.username !== "" || parsed.password !== "" ? `',
      replacement: 'parsed.username !== "" || parsed.password !== "" ? `s3cretUser',
    },
    {
      name: "a node that is behind its chain is used",
      file: "src/chain/opening.ts",
      text: "const says = await isSyncing(session);",
      replacement: "const says = false;",
    },
  ],
);

const ENDPOINTS = noticedBy(
  ["test/chain/endpoint-book.test.ts", "test/chain/endpoints.test.ts"],
  [
    {
      name: "nothing counts as an answer to a reading",
      file: "src/chain/socket.ts",
      text: "(result === null && !mayBeEmpty(method, params))",
      replacement: "false",
    },
    {
      name: "an endpoint that is silent holds up the others",
      file: "src/chain/open-one.ts",
      text: "await sleep(aheadMs, isOver.signal);",
      replacement: "await trial;",
    },
    {
      name: "a node with an old head is used though another has a fresh one",
      file: "src/chain/opening.ts",
      text: "(age === undefined || takesOldHead)",
      replacement: "true",
    },
    {
      name: "an endpoint whose calls fail is never left",
      file: "src/chain/endpoint-book.ts",
      text: "this.size > 1 && this.scoreOf(endpoint) < LEAST_SCORE",
      replacement: "false",
    },
    {
      name: "a short success resets the back-off",
      file: "src/chain/endpoint-book.ts",
      text: "heldMs >= STABLE_MS",
      replacement: "true",
    },
    {
      name: "a preferred endpoint is returned to after one look",
      file: "src/chain/endpoint-book.ts",
      text: "page.wellProbes >= PROBES_TO_RETURN",
      replacement: "page.wellProbes > 0",
    },
    {
      name: "the back-off of a node that lets nobody in grows like that of one that is asked",
      file: "src/chain/endpoint-book.ts",
      text: "if (isTurnedAway) page.failures",
      replacement: "if (false) page.failures",
    },
    {
      name: "all endpoints wait at once, each for its own back-off",
      file: "src/chain/endpoint-book.ts",
      text: "Math.min(pauseMs, Math.max(0, turnMs - now))",
      replacement: "pauseMs",
    },
    {
      name: "an endpoint whose pause is over first is forgotten for one that is waited for",
      file: "src/chain/open-one.ts",
      text: "return pause(ms, isOver.signal);",
      replacement: "return pause(ms, ended.signal);",
    },
  ],
);

const SOCKET = noticedBy(
  ["test/chain/socket.test.ts"],
  [
    {
      name: "a reading whose answer is lost costs all its time",
      file: "src/chain/ask-twice.ts",
      text: "if (mayAskAgain()) askAgain();",
      replacement: "",
    },
    {
      name: "a transaction may be sent twice",
      file: "src/chain/socket.ts",
      text: "if (!READING.test(method)) return ask();",
      replacement: "",
    },
    {
      name: "a subscription that was opened twice is told twice",
      file: "src/chain/socket.ts",
      text: "this.#endSpare(method, id);",
      replacement: "this.#subscriptions.set(String(id), callback);",
    },
  ],
);

const MINERS = noticedBy(
  ["test/miners"],
  [
    {
      name: "a socket to a miner stays open",
      file: "src/miners/http-post.ts",
      text: "      request?.destroy();",
      replacement: "",
    },
    {
      name: "a miner's budget never fills up again",
      file: "src/miners/budget.ts",
      text: "Math.max(0, nowMs - bucket.atMs) * this.#perMs",
      replacement: "0 * Math.max(0, nowMs - bucket.atMs) * this.#perMs",
    },
    {
      name: "a refusal among evidence excuses a step",
      file: "src/miners/fault.ts",
      text: "answered.some((reply) => reply.fault !== fault)",
      replacement: "answered.every((reply) => reply.fault !== fault)",
    },
    {
      name: "whoever shares our address is not called",
      file: "src/miners/address.ts",
      text: "ownEndpoint?.address === judged && ownEndpoint.port === port",
      replacement: "ownEndpoint?.address === judged",
    },
  ],
);

const LOCALNET = [
  ...noticedBy(
    ["test/localnet/node-owner.test.ts", "test/localnet/node-mechanisms.test.ts"],
    [
      {
        name: "a hotkey comes to hold two uids by a swap",
        file: "src/localnet/node/swap.ts",
        text: 'if (uidOf(state, netuid, newHotkey) !== null) return "HotKeyAlreadyRegisteredInSubNet";',
        replacement: "",
      },
      {
        name: "an owner trims the subnet to nobody",
        file: "src/localnet/node/owner.ts",
        text: "maxN === 0 || ",
        replacement: "",
      },
      {
        name: "a dropped mechanism keeps what was committed by salt",
        file: "src/localnet/node/mechanisms.ts",
        text: "SUBTENSOR.weightCommits, ",
        replacement: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/localnet/node-salted.test.ts"],
    [
      {
        name: "a salted commit is revealed in any epoch",
        file: "src/localnet/node/salted-commits.ts",
        text: "if (epoch !== alive[place]![1] + state.read(SUBTENSOR.revealPeriodEpochs, netuid))",
        replacement: "if (epoch < 0)",
      },
      {
        name: "half of a batch of reveals stays when the other half is refused",
        file: "src/localnet/node/state.ts",
        text: 'if ("error" in outcome) takeBack();',
        replacement: "",
      },
      {
        name: "a batch of weights gets round commit-reveal",
        file: "src/localnet/node/weight-batches.ts",
        text: 'if (state.read(SUBTENSOR.commitRevealWeightsEnabled, netuid)) return { error: "CommitRevealEnabled" };',
        replacement: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/localnet/node-faults.test.ts"],
    [
      {
        name: "who made an endpoint fail cannot reach it any more",
        file: "src/localnet/node/endpoint.ts",
        text: "const status = isControl ? null : this.#faults.refusal;",
        replacement: "const status = this.#faults.refusal;",
      },
      {
        name: "the finalized head goes on in a stall",
        file: "src/localnet/node/chain.ts",
        text: 'if (this.faults.has("finality-stall")) return;',
        replacement: "",
      },
      {
        name: "a block that a reorganisation took back has a state still",
        file: "src/localnet/node/chain.ts",
        text: "this.hashAt(block.height) === block.hash ? this.state.at(block.height) : null",
        replacement: "this.state.at(block.height)",
      },
      {
        name: "who watches storage misses what changed while an endpoint stood still",
        file: "src/localnet/node/endpoint.ts",
        text: "const previous = this.#chain.stateAt(last);",
        replacement: "const previous = this.#chain.stateAt(this.#chain.blockAt(head.parentHash)!);",
      },
    ],
  ),
];

const EARLIER = noticedBy(
  ["test/chain/earlier.test.ts"],
  [
    {
      name: "a reveal after commit-reveal is taken for weights that were never sent",
      file: "src/chain/earlier.ts",
      text: "const isUntouched = oldest.nonce !== null && next <= oldest.nonce;",
      replacement: "const isUntouched = false;",
    },
    {
      name: "a commit whose block is gone from one node is followed by nobody",
      file: "src/chain/earlier.ts",
      text: "return connection.askElsewhere(name, read);",
      replacement: "return undefined;",
    },
  ],
);

const FAULTS = [
  ...noticedBy(
    ["test/chain/connection.test.ts"],
    [
      {
        name: "metadata that is refused to the library after an upgrade ends the process",
        file: "src/chain/endpoint-session.ts",
        text: "    followNoUpgrades(opened);",
        replacement: "    void followNoUpgrades;",
      },
      {
        name: "what was final before an outage counts as old beside the head after it",
        file: "src/chain/heads.ts",
        text: "    this.#isFinalityTold = false;",
        replacement: "",
      },
    ],
  ),
  ...noticedBy(
    ["test/chain/refusals.test.ts"],
    [
      {
        name: "numbers of the pool mean the same in every runtime (C9)",
        file: "src/chain/pool-refusals.ts",
        text: "specVersion >= POOL_CUSTOM_SINCE_SPEC && number < POOL_CUSTOM_UNSURE",
        replacement: "specVersion >= 0",
      },
    ],
  ),
  ...noticedBy(
    ["test/chain/networks.test.ts"],
    [
      {
        name: "what every object has is a network (C10)",
        file: "src/chain/networks.ts",
        text: "network && Object.hasOwn(NETWORKS, network) ?",
        replacement: "network && network in NETWORKS ?",
      },
      {
        name: "a misspelt network is a host (C10)",
        file: "src/chain/networks.ts",
        text: "/^[\\w-]+$/.test(network)",
        replacement: "false",
      },
    ],
  ),
  ...noticedBy(
    ["test/chain/changing-chain.test.ts"],
    [
      {
        name: "what the chain filters is sent by the same call again (C10)",
        file: "src/chain/submission.ts",
        text: 'takesOldCalls: refusal?.reason === "CallFiltered"',
        replacement: "takesOldCalls: false",
      },
      {
        name: "a subnet without consensus grants exemptions (C10)",
        file: "src/chain/precheck.ts",
        text: 'state.mode !== "Null" && (',
        replacement: "(",
      },
    ],
  ),
  ...noticedBy(
    ["test/weights/quantize.test.ts"],
    [
      {
        name: "rounding lifts the largest share above the limit (C10)",
        file: "src/weights/quantize.ts",
        text: "raiseTo(result.values, lost, Math.ceil(U16_MAX / maxWeightLimit));",
        replacement: "raiseTo(result.values, lost, 0);",
      },
    ],
  ),
  ...noticedBy(
    ["test/chain/metagraph.test.ts"],
    [
      {
        name: "a runtime without types is read as if it had them (C10)",
        file: "src/chain/metagraph.ts",
        text: "if (!(answer instanceof Uint8Array)) return;",
        replacement: "if (answer !== undefined) return;",
      },
    ],
  ),
];

export const CHAIN_MUTANTS = [
  ...FAULTS,
  ...EARLIER,
  ...LOCALNET,
  ...SUBMISSION,
  ...MECHANISM,
  ...REVEAL,
  ...SECRETS,
  ...ENDPOINTS,
  ...SOCKET,
  ...MINERS,
];

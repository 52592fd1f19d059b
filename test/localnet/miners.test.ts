import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { asUid } from "../../src/base/units.ts";
import { behaviourOf } from "../../src/localnet/miners/characters.ts";
import { ATTACK_NAMES } from "../../src/localnet/miners/hostile.ts";
import { type LocalMiner, parseCharacters, startMiners } from "../../src/localnet/miners/miners.ts";
import { TOPICS, topicOf } from "../../src/localnet/miners/topics.ts";
import { chainAddress } from "../../src/miners/address.ts";
import { Dendrite, type MinerTarget } from "../../src/miners/ask.ts";
import { answerPrompt, augmentPrompt, followupPrompt, growText } from "../../src/prompts/templates.ts";
import { type TestSigner, testSigner } from "../miners/keys.ts";

const TEXT = `The harbour of the town was built in 1840 to shelter fishing boats from the winter storms.
Its stone wall reaches four hundred metres into the bay and ends in a small lighthouse. For a century the boats
brought herring, and the women of the town salted it in barrels on the quay. When the herring left the bay in the
nineteen-fifties, most of the crews sold their boats and looked for work in the shipyard. The shipyard closed in its turn
after a fire. Today the harbour is full of sailing boats in summer, and the old salting houses are restaurants.
The lighthouse was automated in 1976, but a keeper still opens it to visitors on Sundays. Engineers found in 2015 that
the storms have hollowed the wall out from below. The town council must now choose between a repair that costs
eleven million and a shorter wall. Many families fear that a shorter wall would not hold back a winter storm.`;

const ask = async (signer: TestSigner, miners: readonly LocalMiner[], prompt: string, timeoutMs = 5000) => {
  const dendrite = new Dendrite({
    signer,
    policy: { allowPrivate: true, ownAddresses: new Set() },
    version: "0",
  });
  const targets: MinerTarget[] = miners.map((miner, index) => ({
    uid: asUid(index),
    hotkey: miner.hotkey,
    axon: { ...chainAddress(miner.host), port: miner.port },
  }));
  return dendrite.ask(targets, { roles: ["user"], messages: [prompt] }, { timeoutMs });
};

let signer: TestSigner;
beforeAll(async () => {
  signer = await testSigner("//Alice");
});

describe("good miners", () => {
  let miners: LocalMiner[] = [];
  beforeAll(async () => {
    miners = await startMiners({ count: 8, host: "127.0.0.1", characters: ["good"] });
  });
  afterAll(async () => {
    await Promise.all(miners.map((miner) => miner.stop()));
  });

  const completions = async (prompt: string): Promise<string[]> => {
    const replies = await ask(signer, miners, prompt);
    expect(replies.map((reply) => reply.status)).toEqual(Array(8).fill(200));
    return replies.map((reply) => reply.completion!);
  };

  test("summarise in as many sentences as asked, all of them from the text, and hardly two alike", async () => {
    const line = TEXT.replace(/\s+/g, " ");
    const summaries = await completions(augmentPrompt(TEXT, 4));
    for (const summary of summaries) {
      const sentences = summary.split(/(?<=\.) /);
      expect(sentences).toHaveLength(4);
      for (const sentence of sentences) expect(line).toContain(sentence);
    }
    expect(new Set(summaries).size).toBeGreaterThanOrEqual(6);
  });

  test("ask different questions of at most 40 words", async () => {
    const questions = await completions(followupPrompt(TEXT, 0));
    for (const question of questions) {
      expect(question.endsWith("?")).toBe(true);
      expect(question.split(" ").length).toBeLessThanOrEqual(40);
    }
    expect(new Set(questions).size).toBeGreaterThanOrEqual(5);
  });

  test("answer mostly with the sentences that match the question", async () => {
    const answers = await completions(
      answerPrompt(TEXT, "Why did the crews sell their boats when the herring left the bay?"),
    );
    const matching = answers.filter((answer) => answer.includes("most of the crews sold their boats"));
    expect(matching.length).toBeGreaterThanOrEqual(5);
    expect(new Set(answers).size).toBe(8);
  });

  test("do not ask what was asked before", async () => {
    const [sentence] = TEXT.replace(/\s+/g, " ").split(/(?<=\.) /);
    const grown = growText(`${sentence} Its lighthouse was automated in the year 1976 by the state.`, "", "");
    const asked = growText(
      grown,
      "Why is it that its lighthouse was automated in the year 1976 by the state?",
      "So.",
    );
    for (const question of await completions(followupPrompt(asked, 1)))
      expect(question).not.toContain("automated");
  });

  test("say nothing that looks like the label of a question or an answer", async () => {
    const grown = `${TEXT}\nQuestion: What burned?\nAnswer: The data: a shipyard. The Q: is open.`;
    for (const text of await completions(augmentPrompt(grown, 8)))
      expect(text).not.toMatch(/(?:summary|question|query|q|answer|response|a|completion):/i);
  });

  test("read a prompt that is worded otherwise", async () => {
    const [summary] = await completions(`Please write a summary of the following.\n\n${TEXT}`);
    expect(TEXT.replace(/\s+/g, " ")).toContain(summary!.split(/(?<=\.) /)[0]!);
  });

  test("give the same answer to the same prompt", async () => {
    expect(await completions(augmentPrompt(TEXT, 5))).toEqual(await completions(augmentPrompt(TEXT, 5)));
  });
});

describe("miners of other characters", () => {
  const withMiners = async (
    options: Omit<Parameters<typeof startMiners>[0], "host">,
    work: (miners: LocalMiner[]) => Promise<void>,
  ): Promise<void> => {
    const miners = await startMiners({ ...options, host: "127.0.0.1" });
    try {
      await work(miners);
    } finally {
      await Promise.all(miners.map((miner) => miner.stop()));
    }
  };
  const prompt = augmentPrompt(TEXT, 4);

  test("answer, copy, repeat, fail and keep silent as they are called", async () => {
    const characters = [
      "terse",
      "off-topic",
      "repeating",
      "gibberish",
      "copying",
      "failing",
      "silent",
    ] as const;
    await withMiners({ count: 7, characters }, async (miners) => {
      const replies = await ask(signer, miners, prompt, 1500);
      const [terse, offTopic, repeating, gibberish, copying, failing, silent] = replies;
      expect(terse!.completion).toMatch(/^It is about \S+\.$/);
      expect(TEXT).not.toContain(offTopic!.completion!.slice(0, 20));
      expect(repeating!.completion).toMatch(/^(The harbour of ?){30}$/);
      expect(gibberish!.completion).toMatch(/^[b-df-hj-np-tv-xz ]+$/);
      expect(copying!.completion).toBe(prompt);
      expect(failing).toMatchObject({ status: 500, completion: null });
      expect(failing!.message).toStartWith("Internal Server Error");
      expect(silent).toMatchObject({
        status: 408,
        completion: null,
        message: "Request timeout after 1.5 seconds",
      });
    });
  });

  test("copy one another when there are enough of them", async () => {
    await withMiners({ count: 6, characters: ["copying"] }, async (miners) => {
      const completions = (await ask(signer, miners, prompt)).map((reply) => reply.completion);
      expect(completions.filter((text) => text === prompt)).toHaveLength(2);
      expect(new Set(completions).size).toBe(2);
    });
  });

  test("are slow, each at its own pace, and some of them too late", async () => {
    await withMiners({ count: 12, characters: ["slow"] }, async (miners) => {
      const replies = await ask(signer, miners, prompt, 1500);
      const statuses = new Set(replies.map((reply) => reply.status));
      expect([...statuses].sort()).toEqual([200, 408]);
      for (const reply of replies) expect(reply.elapsedMs).toBeGreaterThan(200);
    });
  });

  test("attack in every way they know without harm to the one who asks", async () => {
    // As many as there are attacks: each starts with the next one.
    await withMiners({ count: ATTACK_NAMES.length, characters: ["hostile"] }, async (miners) => {
      const replies = await ask(signer, miners, prompt, 1500);
      const byAttack = Object.fromEntries(ATTACK_NAMES.map((name, index) => [name, replies[index]!]));
      const unusable = ATTACK_NAMES.filter((name) => byAttack[name]!.completion === null);
      expect(unusable.sort()).toEqual(
        "bytes compressed deep drip halves list long nothing number oversized prototype redirect wide".split(
          " ",
        ),
      );
      expect(byAttack.redirect).toMatchObject({ status: 302 });
      expect(byAttack.drip).toMatchObject({ status: 408 });
      expect(byAttack.deep).toMatchObject({ status: 422 });
    });
  });

  test("are all there by default, each with its own address and hotkey", async () => {
    await withMiners({ count: 16 }, async (miners) => {
      expect(new Set(miners.map((miner) => miner.character)).size).toBe(10);
      expect(new Set(miners.map((miner) => miner.hotkey)).size).toBe(16);
      expect(new Set(miners.map((miner) => miner.port)).size).toBe(16);
    });
  });

  test("start again with the same hotkeys for the same seed, and others for another", async () => {
    const hotkeys: string[][] = [];
    for (const seed of [1, 1, 2])
      await withMiners({ count: 2, characters: ["good"], seed }, async (miners) => {
        hotkeys.push(miners.map((miner) => miner.hotkey));
      });
    expect(hotkeys[0]).toEqual(hotkeys[1]!);
    expect(hotkeys[0]).not.toEqual(hotkeys[2]!);
  });

  test("do not start when a port is taken, and leave none behind", async () => {
    const taken = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    const basePort = taken.port! - 1;
    await expect(startMiners({ count: 2, host: "127.0.0.1", basePort })).rejects.toThrow();
    await taken.stop(true);
    await withMiners({ count: 2, basePort }, async (miners) => {
      expect(miners.map((miner) => miner.port)).toEqual([basePort, basePort + 1]);
    });
  });
});

describe("specialists", () => {
  const WAR = "The army and the navy won the war. The troops of both nations laid their weapons down.";
  const MONEY =
    "The tax on silver fell. The bank kept its gold, and the debt of the treasury was paid in currency.";
  const answersTo = (text: string): Promise<string[]> =>
    Promise.all(
      TOPICS.map(async (_, rank) => {
        const behave = behaviourOf({ character: "specialist", seed: rank, rank, peers: TOPICS.length });
        const signal = new AbortController().signal;
        const reaction = await behave({ prompt: augmentPrompt(text, 4), timeoutMs: 100, signal });
        return reaction.kind === "completion" ? reaction.text : "";
      }),
    );

  test("answer from the text on their own topic and vaguely on any other", async () => {
    for (const [text, topic] of [
      [WAR, "war"],
      [MONEY, "money"],
    ] as const) {
      const answers = await answersTo(text);
      const first = text.split(". ")[0]!;
      expect(answers[TOPICS.indexOf(topic)]).toContain(first);
      expect(answers.filter((answer) => answer.includes(first))).toHaveLength(1);
      expect(answers.every((answer) => answer.length > 20)).toBe(true);
    }
  });

  test("answer vaguely, all of them, when the text has none of their topics", async () => {
    for (const answer of await answersTo("A violin has four strings."))
      expect(answer).not.toContain("violin");
  });

  test("find a topic by most words, plurals included", () => {
    expect(topicOf("Whales, ships and one tax")).toBe("sea");
    expect(topicOf("The justices of the courts")).toBe("law");
    expect(topicOf("Nothing of the kind")).toBeUndefined();
    expect(topicOf("")).toBeUndefined();
  });

  test("are no part of the default mix", async () => {
    const miners = await startMiners({ count: 16, host: "127.0.0.1" });
    expect(miners.map(({ character }) => character)).not.toContain("specialist");
    await Promise.all(miners.map((miner) => miner.stop()));
  });
});

describe("a list of characters", () => {
  test("is read with its spaces", () => {
    expect(parseCharacters("good, gibberish,off-topic")).toEqual(["good", "gibberish", "off-topic"]);
  });
  test("names the word that is none", () => {
    expect(parseCharacters("good,godo")).toEqual({ unknown: "godo" });
  });
});

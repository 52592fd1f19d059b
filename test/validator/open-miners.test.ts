import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chainAddress } from "../../src/miners/address.ts";
import { openMiners } from "../../src/validator/open-miners.ts";
import { Opened } from "../../src/validator/opened.ts";
import type { AxonNeuron } from "../../src/validator/subtensor.ts";
import type { HotkeySigner } from "../../src/wallet/signer.ts";
import { signerOf } from "../chain/fixture.ts";
import { neuron } from "../fakes/session.ts";

/** The first blocks of the two public networks, as they are known to everybody. */
const PUBLIC = {
  finney: "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03",
  test: "0x8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105",
};
const SETTINGS = {
  minersAllowPrivate: false,
  minersMaxRequests: 1_000,
  neuronMockDendritePool: false,
  axonExternalIp: undefined,
  axonPort: 8091,
  axonExternalPort: undefined,
};

let signer: HotkeySigner;
let miner: HotkeySigner;
let calls = 0;
let server: ReturnType<typeof Bun.serve>;
beforeAll(async () => {
  [signer, miner] = await Promise.all([signerOf(1), signerOf(2)]);
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch() {
      calls++;
      return new Response("no", { status: 403 });
    },
  });
});
beforeEach(() => {
  calls = 0;
});
afterAll(() => server.stop(true));

/** Asks a miner that says it serves on this machine. */
async function askOwnMachine(genesis: string, more: Partial<typeof SETTINGS> = {}) {
  const opened = new Opened();
  const miners = await openMiners({ ...SETTINGS, ...more }, genesis, signer, opened, undefined);
  const axon = {
    ...chainAddress("127.0.0.1"),
    port: server.port!,
    version: 1,
    protocol: 4,
    block: 1,
  };
  const one: AxonNeuron = { ...neuron(1, { hotkey: miner.hotkey }), axon };
  const [reply] = await miners.ask([one], "a question", 2_000, new AbortController().signal);
  await opened.close();
  return reply!;
}

describe("private addresses", () => {
  test.each(Object.entries(PUBLIC))(
    "are not called on %s, whatever endpoint it is reached by",
    async (_, genesis) => {
      const reply = await askOwnMachine(genesis);
      expect(reply.completion).toBeNull();
      expect(calls).toBe(0);
    },
  );

  test("are called on a chain that is no public one", async () => {
    await askOwnMachine("0x1234");
    expect(calls).toBe(1);
  });

  test.each(Object.entries(PUBLIC))("cannot be allowed on %s", async (_, genesis) => {
    await expect(askOwnMachine(genesis, { minersAllowPrivate: true })).rejects.toMatchObject({
      code: "config.conflict",
    });
    expect(calls).toBe(0);
  });
});

import { afterEach, describe, expect, test } from "bun:test";
import { dirname } from "node:path";
import { isFailure } from "../../src/base/error.ts";
import type { ChainConnection } from "../../src/chain/connection.ts";
import type { EventBody } from "../../src/events/schema.ts";
import type { GenesisNeuron, LocalNode } from "../../src/localnet/node/node.ts";
import { askLocalnet } from "../../src/localnet/remote.ts";
import { adoptSubnet } from "../../src/validator/metagraph-duty.ts";
import type { Neuron } from "../../src/validator/ports.ts";
import { resume } from "../../src/validator/resume.ts";
import type { Session } from "../../src/validator/session.ts";
import { Subtensor } from "../../src/validator/subtensor.ts";
import type { HotkeySigner } from "../../src/wallet/signer.ts";
import { capturedLog } from "../captured-log.ts";
import { connect, NETUID, neuron, STRANGER, signerOf, startChain } from "../chain/fixture.ts";
import { FakeChain, fakeModules, SETTINGS } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("registration");
const log = capturedLog();
const AXON = { ip: 2_130_706_433n, port: 9000, ipType: 4, version: 1, protocol: 4 };
const SIZE = 7;

let node: LocalNode;
let connection: ChainConnection;
let session: Session<Neuron>;
let chain: Subtensor;
let events: EventBody[];
afterEach(async () => {
  session?.recorder.close({ steps: 0 });
  await connection.close();
  await node.stop();
});

const miner = (key: HotkeySigner): GenesisNeuron =>
  neuron(key.hotkey, { validatorPermit: false, stakeTao: 0, axon: AXON });

/** A validator's session on a real chain; its uid is `at`, and the score of each miner is its number. */
async function open(at = 0): Promise<void> {
  const keys = await Promise.all(Array.from({ length: SIZE }, (_, index) => signerOf(index + 1)));
  const signer = keys[at]!;
  const accounts = keys.map((key, uid) => (uid === at ? neuron(key.hotkey) : miner(key)));
  ({ node } = await startChain({ accounts, immunityPeriod: 0, weightsRateLimit: 0 }));
  connection = await connect(node.endpoint);
  chain = new Subtensor(connection, signer, NETUID, 7);
  const fake = fakeModules(new FakeChain());
  events = fake.events;
  session = await resume<Neuron>({
    settings: { ...SETTINGS, netuid: NETUID },
    identity: { genesis: connection.genesisHash, netuid: NETUID, hotkey: signer.hotkey },
    modules: { ...fake.modules, chain },
    stateDirectory: folder(),
    signal: new AbortController().signal,
  });
  session.state.scores = Float32Array.from(keys, (_, uid) => (uid === at ? 0 : uid + 1));
}
/** As the subnet's owner, seen from the next block on. */
async function set(...words: (string | number)[]): Promise<void> {
  await askLocalnet(node.endpoint, "localnet_set", ...words);
  await settled();
}
const settled = () => connection.waitForBlock(connection.head() + 2, 10_000);
const adopt = async (): Promise<void> => adoptSubnet(session, await chain.fetchSubnet());
/** Score by the number of the key. */
async function scoresByKey(): Promise<Record<number, number>> {
  const keys = await Promise.all(Array.from({ length: SIZE }, (_, index) => signerOf(index + 1)));
  const { neurons } = session.state.subnet;
  return Object.fromEntries(
    keys.flatMap(({ hotkey }, index) => {
      const uid = neurons.findIndex((one) => one.hotkey === hotkey);
      return uid < 0 ? [] : [[index + 1, session.state.scores[uid]!]];
    }),
  );
}
async function failureOf(work: Promise<unknown>) {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!isFailure(error)) throw new Error(`expected a Failure, got ${String(error)}`);
  return error;
}

describe("the own hotkey", () => {
  test("that was swapped ends the run by a sentence that names the new one", async () => {
    await open();
    const { hotkey } = session.identity;
    await set("swap", 0, STRANGER);
    const failure = await failureOf(adopt());
    expect([failure.code, failure.retry, failure.message]).toEqual([
      "chain.not-registered",
      "no",
      `The hotkey ${hotkey} was swapped: uid 0 of netuid 1 is ${STRANGER} now`,
    ]);
    expect(failure.hint).toContain("run with the new hotkey");
    // The weights stay with the uid, so that the new hotkey begins with them.
    const order = {
      mecid: 0,
      scoresFor: () => new Float32Array(SIZE),
      before() {},
      signal: new AbortController().signal,
    };
    expect((await failureOf(chain.sendWeights(order))).code).toBe("chain.not-registered");
  });

  test("that was swapped while the validator was away is told so by the next start", async () => {
    await open();
    const { identity, settings, recorder } = session;
    const { scores, asked, subnet } = session.state;
    recorder.saveStep({ steps: 1, scores: { neurons: subnet.neurons, scores, asked } });
    recorder.close({ steps: 1 });
    await set("swap", 0, STRANGER);
    const signer = await signerOf(1);
    const start = (stateDirectory: string) =>
      failureOf(
        resume<Neuron>({
          settings,
          identity,
          modules: { ...session.modules, chain: new Subtensor(connection, signer, NETUID, 7) },
          stateDirectory,
          signal: new AbortController().signal,
        }),
      );
    const failure = await start(dirname(recorder.path));
    expect([failure.code, failure.message]).toEqual([
      "chain.not-registered",
      `The hotkey ${identity.hotkey} was swapped: uid 0 of netuid 1 is ${STRANGER} now`,
    ]);
    // Without a state nobody knows.
    expect((await start(folder())).message).toContain("is not registered on netuid 1");
  });

  test("that was deregistered says who has its uid since when", async () => {
    await open();
    node.replaceNeuron(0, neuron(STRANGER));
    await settled();
    const failure = await failureOf(adopt());
    expect(failure.message).toMatch(
      new RegExp(
        `^The hotkey \\S+ was deregistered: uid 0 of netuid 1 is ${STRANGER} now, registered in block \\d+$`,
      ),
    );
    expect(failure.hint).toContain("btcli subnet register");
  });

  test("whose uid a trim took says so, though another neuron of before holds it now", async () => {
    await open();
    // A validator is spared by localnet's trim.
    await set("permit", 0, "false");
    await set("trim", 2);
    const failure = await failureOf(adopt());
    expect(failure.message).toEndWith("lost uid 0: netuid 1 was trimmed to 2 uids");
    expect(failure.hint).toContain("--wait-registration");
  });

  test("that moved to another uid in a trim goes on there", async () => {
    await open(SIZE - 1);
    await set("trim", 3);
    await adopt();
    const { ownUid } = session.state.subnet;
    expect<number>(ownUid).toBe(2);
    expect(events).toContainEqual(
      expect.objectContaining({
        kind: "chain",
        state: "registration",
        value: 2,
        detail: "this hotkey moved from uid 6 to 2",
      }),
    );
  });

  test("without its permit is told once, with what it means, and once when it is back", async () => {
    await open();
    await set("permit", 0, "false");
    for (let reading = 0; reading < 3; reading++) await adopt();
    expect(session.watch.permit.state).toBe("missing");
    await set("permit", 0, "true");
    for (let reading = 0; reading < 3; reading++) await adopt();
    expect(log.filter((line) => line.includes("permit"))).toEqual([
      expect.stringContaining("miners refuse it and the chain takes no weights of it"),
      expect.stringContaining("holds a validator permit again"),
    ]);
  });
});

test("a version key that is newer than ours is told when it comes and when it goes, not at every reading", async () => {
  await open();
  await set("version-key", 8);
  for (let reading = 0; reading < 3; reading++) await adopt();
  await set("version-key", 7);
  for (let reading = 0; reading < 3; reading++) await adopt();
  expect(log.filter((line) => line.includes("The subnet"))).toEqual([
    expect.stringMatching(/asks for a newer version of weights and takes none of ours .*versionKey=8/),
    expect.stringContaining("takes weights of this version again"),
  ]);
});

describe("scores", () => {
  test("follow the miners that a trim moved, and are lost with those that it took", async () => {
    await open();
    await set("trim", 4);
    await adopt();
    expect([session.state.subnet.neurons.length, session.state.scores.length]).toEqual([4, 4]);
    const byKey = await scoresByKey();
    // Whoever stayed has the score of its own number.
    for (const [key, score] of Object.entries(byKey)) expect(score).toBe(key === "1" ? 0 : Number(key));
    expect(events).toContainEqual(expect.objectContaining({ kind: "metagraph", removed: [4, 5, 6] }));
  });

  test("begin at 0 for who takes a uid over, and for who comes when the subnet grows", async () => {
    await open();
    node.replaceNeuron(3, miner(await signerOf(50)));
    node.register(miner(await signerOf(51)));
    await settled();
    await adopt();
    expect([...session.state.scores]).toEqual([0, 2, 3, 0, 5, 6, 7, 0]);
    expect(events).toContainEqual(
      expect.objectContaining({ kind: "metagraph", replaced: [3], added: [7], removed: [] }),
    );
  });

  test("begin at 0 for a hotkey that was swapped in, whose past nobody knows", async () => {
    await open();
    await set("swap", 3, (await signerOf(52)).hotkey);
    await adopt();
    expect([...session.state.scores]).toEqual([0, 2, 3, 0, 5, 6, 7]);
  });

  test("come back with nobody when a miner registers anew after it was gone", async () => {
    await open();
    const second = await signerOf(2);
    node.replaceNeuron(1, miner(await signerOf(53)));
    await settled();
    node.replaceNeuron(4, miner(second));
    await settled();
    await adopt();
    expect([...session.state.scores]).toEqual([0, 0, 3, 4, 0, 6, 7]);
  });
});

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Failure, isFailure } from "../../src/base/error.ts";
import { configureLog } from "../../src/base/log.ts";
import { ChainConnection } from "../../src/chain/connection.ts";
import type { ConnectionChange } from "../../src/chain/endpoint-watch.ts";
import { resolveNetwork } from "../../src/chain/networks.ts";
import type { LocalNode } from "../../src/localnet/node/node.ts";
import { CANARY } from "../canaries.ts";
import { configureTestLog } from "../captured-log.ts";
import { startChain, until } from "./fixture.ts";

const SECRETS = ["s3cretUser", CANARY.endpointPassword, "s3cretToken", CANARY.endpointKey];
const KEYED = (port: number | string) =>
  `ws://${SECRETS[0]}:${SECRETS[1]}@127.0.0.1:${port}/${SECRETS[3]}?token=${SECRETS[2]}`;

let node: LocalNode;
const written: string[] = [];
beforeAll(async () => {
  ({ node } = await startChain());
  configureLog({ level: "trace", format: "json", write: (line) => void written.push(line) });
});
afterAll(async () => {
  configureTestLog();
  await node.stop();
});

/** Everything that an error would show anywhere: message, hint, data, and those of its causes. */
function shownOf(error: unknown): string {
  const own = error instanceof Failure ? [error.message, error.hint, error.data] : [String(error)];
  const cause = error instanceof Failure && error.cause instanceof Failure ? shownOf(error.cause) : "";
  return JSON.stringify(own) + cause;
}

function expectNoSecret(text: string): void {
  for (const secret of SECRETS) expect(text).not.toContain(secret);
}

describe("an endpoint with a password and keys is nowhere shown whole", () => {
  test("when it cannot be reached", async () => {
    const changes: ConnectionChange[] = [];
    const opening = ChainConnection.connect({
      endpoints: [KEYED(9)],
      onState: (change) => changes.push(change),
    });
    const error = await opening.catch((thrown: unknown) => thrown);
    expect(isFailure(error, "chain.unreachable")).toBe(true);
    expectNoSecret(shownOf(error) + written.join("") + JSON.stringify(changes));
    expect(shownOf(error)).toContain("ws://***@127.0.0.1:9/***?token=***");
  });

  test("when it belongs to another chain, stalls, is lost and comes back", async () => {
    const relay = node.openEndpoint();
    const endpoint = KEYED(new URL(relay.endpoint).port);
    const changes: ConnectionChange[] = [];
    const options = {
      endpoints: [endpoint],
      pace: { sleep: () => Bun.sleep(5) },
      onState: (change: ConnectionChange) => void changes.push(change),
    };
    const foreign = await ChainConnection.connect({ ...options, expectedGenesis: "0xother" }).catch(
      (thrown: unknown) => thrown,
    );
    expect(isFailure(foreign, "chain.wrong-genesis")).toBe(true);
    const connection = await ChainConnection.connect({ ...options, stallMs: 1_000 });
    const asked = connection
      .ask("asking", async () => Promise.reject(new Error(`no answer from ${endpoint}`)))
      .catch((thrown: unknown) => thrown);
    const failure = await asked;
    relay.fault("hang");
    await until(() => changes.some(({ state }) => state === "lost"));
    relay.heal();
    relay.fault("garbage");
    relay.fault("drop");
    await until(() => written.some((line) => line.includes("is no JSON-RPC")));
    relay.heal();
    relay.fault("drop");
    await until(() => changes.at(-1)?.state === "connected" && changes.length >= 3);
    await connection.close();
    await relay.stop();
    expectNoSecret(shownOf(foreign) + shownOf(failure) + written.join("") + JSON.stringify(changes));
    expect(changes.map(({ state }) => state)).toEqual(["connected", "lost", "connected"]);
  });

  test("when it is no endpoint at all", () => {
    for (const chainEndpoint of [KEYED("port"), KEYED(9).replace("ws:", "http:"), `u:${SECRETS[1]}@a b`]) {
      try {
        resolveNetwork({ chainEndpoint });
        throw new Error("must be refused");
      } catch (error) {
        expect(isFailure(error, "chain.bad-endpoint")).toBe(true);
        expectNoSecret(shownOf(error));
      }
    }
    expect(() => resolveNetwork({ chainEndpoint: "a b" })).toThrow('"a b" is neither');
  });
});

describe("changes of the connection", () => {
  test("name the endpoint it switched to, and an upgrade by its spec version", async () => {
    const relay = node.openEndpoint();
    const changes: ConnectionChange[] = [];
    const connection = await ChainConnection.connect({
      endpoints: [relay.endpoint, node.endpoint],
      onState: (change) => changes.push(change),
    });
    const first = relay.endpoint;
    await relay.stop();
    await until(() => connection.endpoint === node.endpoint);
    const spec = node.upgradeRuntime();
    await until(() => connection.specVersion === spec);
    await connection.close();
    expect(changes.map(({ state, endpoint, value }) => [state, endpoint, value])).toEqual([
      ["connected", first, null],
      ["lost", first, null],
      ["switched", node.endpoint, null],
      ["upgraded", node.endpoint, spec],
    ]);
  });

  test("a node that says it is behind its chain is passed over for one that is not", async () => {
    const relay = node.openEndpoint();
    relay.fault("syncing");
    const changes: ConnectionChange[] = [];
    const connection = await ChainConnection.connect({
      endpoints: [relay.endpoint, node.endpoint],
      onState: (change) => changes.push(change),
    });
    expect(connection.endpoint).toBe(node.endpoint);
    expect(changes.map(({ state }) => state)).toEqual(["lagging", "caught-up", "connected"]);
    await connection.close();
    const alone = await ChainConnection.connect({ endpoints: [relay.endpoint] }).catch(
      (thrown: unknown) => thrown,
    );
    expect(isFailure(alone, "chain.lagging")).toBe(true);
    await relay.stop();
  });
});

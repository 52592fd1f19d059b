import { describe, expect, test } from "bun:test";
import { resolveNetwork } from "../../src/chain/networks.ts";

const FINNEY = "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03";
const TEST = "0x8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105";

describe("resolveNetwork", () => {
  test("is finney with its fallbacks when nothing is given", () => {
    const network = resolveNetwork({});
    expect(network.name).toBe("finney");
    expect(network.endpoints[0]).toBe("wss://entrypoint-finney.opentensor.ai:443");
    expect(network.endpoints.length).toBeGreaterThan(1);
    expect(network.expectedGenesis).toBe(FINNEY);
  });

  test("knows the networks by name", () => {
    expect(resolveNetwork({ network: "test" }).expectedGenesis).toBe(TEST);
    expect(resolveNetwork({ network: "archive" }).expectedGenesis).toBe(FINNEY);
    expect(resolveNetwork({ network: "local" })).toEqual({
      name: "local",
      endpoints: ["ws://127.0.0.1:9944"],
    });
  });

  test("takes the endpoint before the network, unless the network was given more explicitly", () => {
    const choice = { chainEndpoint: "ws://10.0.0.1:9944", network: "test" };
    expect(resolveNetwork(choice).endpoints).toEqual(["ws://10.0.0.1:9944"]);
    expect(resolveNetwork({ ...choice, networkWins: true }).name).toBe("test");
    const local = { chainEndpoint: "ws://10.0.0.1:9944", network: "local", networkWins: true };
    expect(resolveNetwork(local).endpoints).toEqual(["ws://10.0.0.1:9944"]);
  });

  test("takes an unknown network as an endpoint and adds the scheme", () => {
    expect(resolveNetwork({ network: "node.example:9944" })).toEqual({
      name: "unknown",
      endpoints: ["ws://node.example:9944"],
    });
  });

  test("refuses a misspelt name, also one that every object has, and says which may be meant (C10)", () => {
    expect(() => resolveNetwork({ network: "finny" })).toThrow(
      '"finny" is no known network; finney may be meant',
    );
    for (const network of ["constructor", "toString", "__proto__"])
      expect(() => resolveNetwork({ network })).toThrow("is no known network");
    expect(resolveNetwork({ network: "localhost" }).endpoints).toEqual(["ws://localhost"]);
  });

  test("splits several endpoints and places them by host name", () => {
    const network = resolveNetwork({
      chainEndpoint: "wss://entrypoint-finney.opentensor.ai:443, ws://127.0.0.1:9944",
    });
    expect(network.endpoints).toHaveLength(2);
    expect(network).toMatchObject({ name: "finney", expectedGenesis: FINNEY });
    expect(resolveNetwork({ chainEndpoint: "ws://localhost:1" }).name).toBe("local");
  });

  test("refuses what is no websocket address", () => {
    for (const chainEndpoint of ["http://node.example", ",", "ws://", "a b"])
      expect(() => resolveNetwork({ chainEndpoint })).toThrow("neither a known network nor");
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { configureLog } from "../../src/base/log.ts";
import { type Beacon, beaconNowSeconds, readBeacon, warnOfForeignBeacon } from "../../src/chain/beacon.ts";
import { roundAt } from "../../src/chain/schedule.ts";
import { QUICKNET } from "../../src/chain/timelock.ts";
import { connect, startChain } from "./fixture.ts";

const lines: string[] = [];
beforeAll(() => configureLog({ level: "warn", format: "plain", write: (line) => lines.push(line) }));
afterAll(() => configureLog({ level: "info", format: "auto", write: (line) => process.stderr.write(line) }));
beforeEach(() => {
  lines.length = 0;
});

const at = (round: number) => QUICKNET.genesisSeconds + round * QUICKNET.periodSeconds;
const beacon: Beacon = { ...QUICKNET, lastStoredRound: 1000 };

describe("the beacon of a chain", () => {
  test("is read from the chain itself", async () => {
    const { node } = await startChain({ commitReveal: true });
    const connection = await connect(node.endpoint);
    const head = (await connection.api.rpc.chain.getBlockHash()).toHex();
    const own = await readBeacon(connection.api, head);
    expect(own.publicKeyHex).toMatch(/^[0-9a-f]{192}$/);
    expect(own.publicKeyHex).not.toBe(QUICKNET.publicKeyHex);
    expect(Math.abs(roundAt(Date.now() / 1000, own) - own.lastStoredRound)).toBeLessThan(20);
    await connection.close();
    await node.stop();
  });

  test("that is not quicknet is warned about once per public endpoint, never on this machine", () => {
    const foreign = { ...beacon, publicKeyHex: "ab".repeat(96) };
    warnOfForeignBeacon(foreign, "ws://127.0.0.1:9944");
    warnOfForeignBeacon(beacon, "wss://public.example:443");
    expect(lines).toEqual([]);
    warnOfForeignBeacon(foreign, "wss://public.example:443");
    warnOfForeignBeacon(foreign, "wss://public.example:443");
    expect(lines).toHaveLength(1);
    warnOfForeignBeacon({ ...beacon, periodSeconds: 30 }, "wss://other.example:443");
    expect(lines).toHaveLength(2);
  });
});

describe("the time that rounds are counted from", () => {
  test("is our clock when it agrees with the chain", () => {
    expect(beaconNowSeconds(beacon, at(1005))).toBe(at(1005));
    expect(lines).toEqual([]);
  });

  test("is the chain's when our clock is behind, so that no round is out already", () => {
    expect(beaconNowSeconds(beacon, at(990))).toBe(at(1000));
    expect(lines).toEqual([]);
    expect(beaconNowSeconds(beacon, at(100))).toBe(at(1000));
    expect(lines.join()).toContain("timedatectl");
  });

  test("is ours, with a warning, when the chain's beacon seems to have stopped", () => {
    expect(beaconNowSeconds(beacon, at(2000))).toBe(at(2000));
    expect(lines.join()).toContain("may have stopped");
  });
});

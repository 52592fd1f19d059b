import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { encodeAddress } from "@polkadot/util-crypto";
import { describeLocalnet } from "../../src/cli/commands/localnet.ts";
import { type Localnet, startLocalnet } from "../../src/localnet/localnet.ts";
import { captured } from "./captured.ts";

const HOTKEY = encodeAddress(new Uint8Array(32).fill(9), 42);

let net: Localnet;
beforeAll(async () => {
  net = await startLocalnet({
    minerCount: 3,
    characters: ["good", "failing", "hostile"],
    blockTimeMs: 60_000,
    port: 0,
    tempoBlocks: 20,
    commitReveal: false,
    endpoints: 2,
    uids: 10,
  });
});
afterAll(() => net.stop());

const localnet = (...words: string[]) => captured(["localnet", ...words, "--endpoint", net.endpoint]);

describe("a miner's author", () => {
  test("registers, serves and finds himself in the list", async () => {
    expect((await localnet("register", HOTKEY)).stdout).toBe("uid 10\n");
    expect((await localnet("serve", HOTKEY, "127.0.0.1:8091")).exitCode).toBe(0);
    const { stdout } = await localnet("miners", "--json");
    const neurons = JSON.parse(stdout);
    expect(neurons).toHaveLength(11);
    expect(neurons[10]).toMatchObject({ uid: 10, hotkey: HOTKEY, axon: "127.0.0.1:8091" });
    const listed = (await captured(["localnet", "miners", "--endpoint", net.endpoint], { COLUMNS: "80" }))
      .stdout;
    expect(listed).toContain(`${HOTKEY}  127.0.0.1:8091`);
    expect(listed).toStartWith("UID  HOTKEY  ");
    const again = await localnet("register", HOTKEY);
    expect(again.exitCode).toBe(64);
    expect(again.stderr).toContain("that hotkey is uid 10 already (HotKeyAlreadyRegisteredInSubNet)");
    for (const address of ["8091", "127.0.0.1", "localhost:8091", "127.0.0.1:0", "127.0.0.1:65536"])
      expect((await localnet("serve", HOTKEY, address)).stderr).toContain(
        `such as 127.0.0.1:8091, is expected, not ${JSON.stringify(address)}`,
      );
    for (const words of [
      ["register", "5ab\u001b"],
      ["serve", "5ab\u001b", "127.0.0.1:8091"],
      ["set", "balance", "5ab\u001b", "1"],
    ]) {
      const { exitCode, stderr } = await localnet(...words);
      expect(exitCode).toBe(64);
      expect(stderr).toContain('an account address is expected, not "5ab\\u001b"');
    }
    const stranger = encodeAddress(new Uint8Array(32).fill(8), 42);
    expect((await localnet("serve", stranger, "127.0.0.1:8091")).stderr).toContain("localnet register");
  });

  test("is given a line whose state no earlier chain of the same folder has", () => {
    const logs = (): string | undefined => /--logging\.logging_dir (\S+)/.exec(describeLocalnet(net))?.[1];
    expect(logs()).toBe(join(net.walletPath, "logs"));
    mkdirSync(join(net.walletPath, "logs"));
    mkdirSync(join(net.walletPath, "logs-2"));
    expect(logs()).toBe(join(net.walletPath, "logs-3"));
  });

  test("asks miners once and reads answers and verdicts", async () => {
    const one = await localnet("ask", "1", "--prompt", "What is water?");
    expect(one.exitCode).toBe(0);
    expect(one.stdout).toMatch(/^ {2}1 +200 +\d\.\d\d +answered +\S/m);
    const failing = await localnet("ask", "2");
    expect(failing.exitCode).toBe(1);
    expect(failing.stdout).toMatch(/^ {2}2 +500 /m);
    const all = JSON.parse((await localnet("ask", "--json", "--timeout", "2")).stdout) as { uid: number }[];
    expect(all.map(({ uid }) => uid)).toEqual(expect.arrayContaining([1, 2, 3]));
    expect((await localnet("ask", "7")).stderr).toContain("uid 7 does not serve");
    expect((await localnet("ask", "99")).stderr).toContain("a whole number from 0 to 10 is expected");
  }, 30_000);

  test("turns what he needs, and is told what there is", async () => {
    expect((await localnet("set", "stake", "1", "500")).exitCode).toBe(0);
    expect((await localnet("set", "step", "3")).stdout).toBe("step 3: 3\n");
    expect(JSON.parse((await localnet("miners", "--json")).stdout)[1].stakeTao).toBe(500);
    expect((await localnet("set")).stdout).toContain("stake UID TAO");
    expect((await localnet("set", "stake", "1", "500", "7")).stderr).toContain("it is written stake UID TAO");
    expect((await localnet("set", "stake", "1")).stderr).toContain("it is written stake UID TAO");
    expect((await localnet("set", "mechanisms")).stderr).toContain("it is written mechanisms COUNT");
    expect((await localnet("set", "stakes", "1")).stderr).toContain("nothing named");
  });
});

test("what is counted takes whole numbers, and what is no number is not one", async () => {
  const wrong = [
    ["set", "tempo", "20.5"],
    ["set", "version-key", "1.5"],
    ["set", "stake", "1.5", "500"],
    ["set", "trim", "0x3"],
    ["set", "step", " "],
    ["set", "mechanisms", "1e1"],
    ["ask", "1.5"],
  ];
  for (const words of wrong) {
    const { exitCode, stderr } = await localnet(...words);
    expect([...words, exitCode]).toEqual([...words, 64]);
    expect(stderr).toContain("a whole number from");
    expect(stderr).toMatch(/ is expected, not ".+"/);
  }
  expect((await localnet("set", "balance", HOTKEY, "1.5")).exitCode).toBe(0);
  expect((await localnet("set", "stake", "1", "1e3")).stderr).toContain("a number from 0 to");
});

describe("faults", () => {
  test("are made, listed and taken away, each at its endpoint", async () => {
    expect((await localnet("fault", "hang", "finality-stall")).stdout).toBe("Active: hang, finality-stall\n");
    const other = await captured(["localnet", "fault", "--json", "--endpoint", net.endpoints[1]!]);
    expect(JSON.parse(other.stdout)).toEqual(["finality-stall"]);
    // Its own commands reach an endpoint that hangs.
    expect((await localnet("fault")).stdout).toContain("cut[:METHOD][:N%]");
    expect((await localnet("fault", "--off", "hang")).stdout).toBe("Active: finality-stall\n");
    expect((await localnet("fault", "drop", "reorg:2")).stdout).toBe(
      "Happened: drop, reorg:2\nActive: finality-stall\n",
    );
    const twice = await localnet("fault", "--off", "hang");
    expect([twice.exitCode, twice.stderr]).toEqual([64, expect.stringContaining("is not there")]);
    expect((await localnet("fault", "--off")).stdout).toBe("Active: none\n");
    expect((await localnet("fault", "freeze", "hung")).stderr).toContain("there are refuse, hang");
    expect((await localnet("fault")).stdout).toContain("Active: none");
  });
});

test("who only talks to a running one waits for no library of the chain to load", () => {
  const scanner = new Bun.Transpiler({ loader: "ts" });
  const files = ["localnet-control.ts", "localnet-ask.ts"].map((name) => resolve("src/cli/commands", name));
  const packages = new Set<string>();
  for (const file of files)
    for (const { kind, path } of scanner.scanImports(readFileSync(file, "utf8"))) {
      if (kind !== "import-statement") continue;
      const target = resolve(dirname(file), path);
      if (!path.startsWith(".")) packages.add(path);
      else if (target.endsWith(".ts") && !files.includes(target)) files.push(target);
    }
  expect(files.length).toBeGreaterThan(10);
  expect([...packages].filter((name) => name.startsWith("@"))).toEqual([]);
});

test("a word takes its own flags and no others, has its own help, and is suggested", async () => {
  expect((await captured(["localnet", "miners", "--miners", "4"])).stderr).toContain("Unknown flag --miners");
  expect((await captured(["localnet", "register", "--json", HOTKEY])).stderr).toContain(
    "Unknown flag --json",
  );
  expect((await captured(["localnet", "mniers"])).stderr).toContain(
    "did you mean openvalidator localnet miners?",
  );
  expect((await captured(["localnet", "serve"])).stderr).toContain("needs HOTKEY IP:PORT");
  expect((await captured(["localnet", "fault", "--help"])).stdout).toContain("localnet fault [FAULT…]");
  const { stdout } = await captured(["localnet", "--help"]);
  expect(stdout).toContain("--until-block");
  expect(stdout).toContain("localnet ask");
});

test("a subnet starts with faults and runs until its block", async () => {
  const words = [
    "--miners",
    "1",
    "--port",
    "0",
    "--block-time",
    "0.1",
    "--until-block",
    "3",
    "--fault",
    "lag:5",
  ];
  const { exitCode, stdout } = await captured(["localnet", ...words]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain("Faults     lag:5");
  const wrong = await captured(["localnet", "--miners", "1", "--port", "0", "--fault", "lagging"]);
  expect(wrong.exitCode).toBe(64);
  expect(wrong.stderr).toContain('there is no "lagging"');
}, 30_000);

test("where none runs, that is said", async () => {
  const { exitCode, stderr } = await captured(["localnet", "miners", "--endpoint", "ws://127.0.0.1:9"]);
  expect(exitCode).toBe(75);
  expect(stderr).toContain("no localnet answers at ws://127.0.0.1:9");
  for (const endpoint of ["foo", "http://127.0.0.1:9944", "ws://"]) {
    const wrong = await captured(["localnet", "miners", "--endpoint", endpoint]);
    expect([endpoint, wrong.exitCode]).toEqual([endpoint, 64]);
    expect(wrong.stderr).toContain("must be the websocket of a localnet");
  }
});

test("lists keep to a narrow screen, and cut no hotkey", async () => {
  for (const words of [["miners"], ["fault"], ["set"], ["ask", "1"]]) {
    const { stdout } = await captured(["localnet", ...words, "--endpoint", net.endpoint], { COLUMNS: "60" });
    expect(stdout.split("\n").filter((line) => Bun.stringWidth(line) > 60)).toEqual([]);
    if (words[0] === "miners") expect(stdout).toMatch(/^ +0 {2}5\w{47}$/m);
  }
});

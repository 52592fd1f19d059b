import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { naclEncrypt } from "@polkadot/util-crypto";
import { deriveHere } from "../../src/wallet/derivation.ts";
import { CANARY } from "../canaries.ts";
import { WandbDouble } from "../wandb/double.ts";
import { BUILD_TIMEOUT_MS, builtBinary, runCommand, type Scratch, scratch } from "./built.ts";
import { type Running, readEvents, type Subnet, start, startSubnet, stepsOf, waitFor } from "./subnet.ts";

/** The key of an encrypted file takes seconds, twice; then steps on a busy machine. */
const TIMEOUT_MS = 180_000;

/** Each in a place where operators have one, none of them anywhere else. */
const CANARIES: Record<string, string> = {
  password: CANARY.password,
  "W&B key": CANARY.wandbKey,
  "alert address": CANARY.hookPath,
  "hub token": CANARY.hubToken,
  "endpoint's password": CANARY.endpointPassword,
  "endpoint's key": CANARY.endpointKey,
};

let place: Scratch;
let subnet: Subnet;
let wandb: WandbDouble;
let hook: Bun.Server<undefined>;
/** Headers and body of what the alarm server got. */
const alarms: string[] = [];
let metricsPort: number;
let validator: Running;
let environment: Record<string, string>;
let runArguments: string[];
let walletFolder: string;
/** What children were started with, by the name of the secret they held. */
const inChildren: string[] = [];

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

function secretsIn(text: string): string[] {
  return Object.entries(CANARIES).flatMap(([name, secret]) => (text.includes(secret) ? [name] : []));
}

/** Command line and environment of the process itself (command line only) and of all its children. */
function lookAtProcesses(pid: number): void {
  const lineOf = (id: number): string => readFileSync(`/proc/${id}/cmdline`, "latin1");
  try {
    inChildren.push(...secretsIn(lineOf(pid)).map((name) => `${name} in the command line`));
    for (const child of childrenOf(pid)) {
      // Between fork and exec it still is what its parent is.
      if (lineOf(child) === lineOf(pid)) continue;
      const text = lineOf(child) + readFileSync(`/proc/${child}/environ`, "latin1");
      inChildren.push(...secretsIn(text).map((name) => `${name} in the child ${lineOf(child)}`));
    }
  } catch {
    // It ended between two looks.
  }
}

beforeAll(async () => {
  const binary = await builtBinary();
  place = scratch();
  wandb = new WandbDouble();
  hook = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      alarms.push(`${JSON.stringify([...request.headers])} ${await request.text()}`);
      return new Response("ok");
    },
  });
  metricsPort = freePort();
  subnet = await startSubnet([binary], place, [
    "--miners",
    "4",
    "--block-time",
    "0.25",
    "--characters",
    "good,terse",
  ]);
  const flagValue = (flag: string): string => subnet.runArguments[subnet.runArguments.indexOf(flag) + 1]!;
  walletFolder = join(flagValue("--wallet.path"), flagValue("--wallet.name"), "hotkeys");
  await encryptHotkey(join(walletFolder, flagValue("--wallet.hotkey")));
  const passwordFile = join(place.root, "password");
  writeFileSync(passwordFile, `${CANARIES.password}\n`);
  chmodSync(passwordFile, 0o600);
  const { port } = new URL(subnet.endpoint);
  const endpoint = `ws://user:${CANARIES["endpoint's password"]}@127.0.0.1:${port}/${CANARIES["endpoint's key"]}?apikey=${CANARIES["endpoint's key"]}`;
  const config = join(place.root, "openvalidator.jsonc");
  writeFileSync(
    config,
    JSON.stringify({
      "subtensor.chain_endpoint": endpoint,
      "alert.url": `http://127.0.0.1:${hook.port}/${CANARIES["alert address"]}`,
      "wallet.password_file": passwordFile,
    }),
  );
  environment = {
    ...place.environment,
    WANDB_BASE_URL: wandb.url,
    WANDB_API_KEY: CANARIES["W&B key"]!,
    HF_TOKEN: CANARIES["hub token"]!,
  };
  runArguments = withoutFlag(subnet.runArguments, "--subtensor.chain_endpoint").concat("--config", config);
  validator = start(
    [
      // A core file would lie in the working directory, below the folder that is searched.
      ...["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh"],
      binary,
      ...runArguments,
      "--metrics.port",
      String(metricsPort),
      "--logging.trace",
      "--neuron.device",
      "cpu",
      "--log.file",
      join(place.root, "run.log"),
    ],
    { directory: place.directory, environment },
  );
  const look = setInterval(() => lookAtProcesses(validator.pid), 10);
  try {
    const steps = (count: number) => (): true | undefined =>
      stepsOf(readEvents(place.root)).length >= count ? true : undefined;
    await waitFor("two steps", validator, steps(2), TIMEOUT_MS);
    // A crash of the inference process, as a driver makes it.
    for (const child of childrenOf(validator.pid)) process.kill(child, "SIGSEGV");
    await waitFor("steps after the crash", validator, steps(4), TIMEOUT_MS);
  } finally {
    clearInterval(look);
  }
}, BUILD_TIMEOUT_MS + TIMEOUT_MS);

afterAll(async () => {
  await validator?.stop("SIGKILL");
  await subnet?.running.stop();
  await wandb?.stop();
  await hook?.stop(true);
  place?.remove();
});

function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = server;
  void server.stop(true);
  return port!;
}

async function encryptHotkey(path: string): Promise<void> {
  const plain = readFileSync(path);
  const { secretPhrase, secretSeed } = JSON.parse(plain.toString("utf8"));
  if (secretPhrase) CANARIES["hotkey's mnemonic"] = secretPhrase;
  CANARIES["hotkey's seed"] = String(secretSeed).replace(/^0x/, "");
  const key = await deriveHere(new TextEncoder().encode(CANARIES.password));
  const { encrypted, nonce } = naclEncrypt(plain, key);
  writeFileSync(path, Buffer.concat([Buffer.from("$NACL"), nonce, encrypted]));
}

function withoutFlag(words: readonly string[], flag: string): string[] {
  const at = words.indexOf(flag);
  return words.filter((_, index) => index !== at && index !== at + 1);
}

/** Files below the folder that hold a secret and are none of those that an operator put it into. */
function leaksBelow(folder: string): string[] {
  const own = new Set(["openvalidator.jsonc", "password"]);
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() && !own.has(basename(path)))
    .filter((path) => !path.startsWith(walletFolder))
    .flatMap((path) => secretsIn(readFileSync(path, "latin1")).map((name) => `${name} in ${path}`));
}

describe("secrets of a validator with everything on, at trace level", () => {
  test("the run used them: the hotkey was opened, W&B got its key, the log is at trace level", () => {
    expect(wandb.runs.size).toBeGreaterThan(0);
    expect(Object.keys(CANARIES)).toContain("hotkey's seed");
    expect(validator.output()).toMatch(/TRACE|DEBUG/);
  });

  test("are in no output and no log", () => {
    expect(secretsIn(validator.output())).toEqual([]);
  });

  test("are in the command line and environment of no child", () => {
    expect([...new Set(inChildren)]).toEqual([]);
  });

  test("are in nothing that W&B is sent as data", () => {
    const data = JSON.stringify([...wandb.runs.values(), ...wandb.log], (_, value) =>
      value instanceof Map ? [...value] : value,
    );
    expect(data.length).toBeGreaterThan(1_000);
    expect(secretsIn(data)).toEqual([]);
  });

  test("are on no page of the running validator", async () => {
    for (const page of ["", "metrics", "healthz", "readyz", "api/status", "api/miner?uid=1", "nothing"]) {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/${page}`)).text();
      expect({ page, length: Math.min(text.length, 1), leaks: secretsIn(text) }).toEqual({
        page,
        length: 1,
        leaks: [],
      });
    }
    // The stream of events has no end; its first piece is the past.
    const { body } = await fetch(`http://127.0.0.1:${metricsPort}/events`);
    const reader = body!.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    expect(value!.length).toBeGreaterThan(100);
    expect(secretsIn(new TextDecoder().decode(value))).toEqual([]);
  });

  test("are in no alarm, and the alarm server gets no other secret than its own address", async () => {
    const { code } = await runCommand([await builtBinary(), "alert", "test", ...runArguments.slice(-2)], {
      directory: place.directory,
      environment,
    });
    expect({ code, count: alarms.length > 0 }).toEqual({ code: 0, count: true });
    expect([...new Set(alarms.flatMap(secretsIn))]).toEqual([]);
  });

  test("are in no core file, for there is none of the validator and of its children", () => {
    for (const pid of [validator.pid, ...childrenOf(validator.pid)])
      expect(readFileSync(`/proc/${pid}/limits`, "utf8")).toMatch(/^Max core file size +0 +0 /m);
  });

  const COMMANDS: readonly string[][] = [
    ["status", "--json"],
    ["doctor", "--json", "--offline"],
    ["config", "show", "--json"],
    ["config", "show"],
    ["miners", "--json"],
    ["service", "print", "--user"],
    ["state", "show", "--json"],
    ["query", "SELECT * FROM events", "--format", "json"],
  ];
  test.each(COMMANDS)("are not shown by %s %s", async (...words) => {
    const isQuery = words[0] === "query";
    const journals = [
      ...new Bun.Glob("**/events/events.jsonl").scanSync({ cwd: place.root, absolute: true }),
    ];
    const flags = isQuery
      ? journals
      : words[0] === "service" || words[0] === "doctor" || words[0] === "config"
        ? runArguments.slice(1)
        : identityOf(runArguments);
    const { stdout, stderr } = await runCommand([await builtBinary(), ...words, ...flags], {
      directory: place.directory,
      environment,
    });
    expect((stdout + stderr).length).toBeGreaterThan(50);
    expect(secretsIn(stdout + stderr)).toEqual([]);
  });

  test("are not shown by a start that fails, for each way that they can be wrong", async () => {
    const broken = join(place.root, "openvalidator.jsonc");
    const good = readFileSync(broken, "utf8");
    const wrongs = [
      good.replace('"alert.url":"http', '"alert.url":"nothing'),
      good
        .replace(`"${CANARIES["alert address"]}`, CANARIES["alert address"]!)
        .replace('"alert.url":', '"alert.url" '),
      good.replace(/:"(ws[^"]*)"/, ":$1"),
      good.replace("subtensor.chain_endpoint", "subtensor.chain_endpiont"),
    ];
    try {
      for (const wrong of wrongs) {
        writeFileSync(broken, wrong);
        const { code, stdout, stderr } = await runCommand(
          [await builtBinary(), ...runArguments, "--neuron.name", "broken"],
          { directory: place.directory, environment },
        );
        expect(code).not.toBe(0);
        expect({ wrong, leaks: secretsIn(stdout + stderr) }).toEqual({ wrong, leaks: [] });
      }
    } finally {
      writeFileSync(broken, good);
    }
  });

  test("are in no file after the end, an abort of the whole process included", async () => {
    process.kill(validator.pid, "SIGABRT");
    await validator.ended;
    expect(secretsIn(validator.output())).toEqual([]);
    mkdirSync(place.directory, { recursive: true });
    expect(leaksBelow(place.root)).toEqual([]);
  });
});

function identityOf(words: readonly string[]): string[] {
  return ["--wallet.name", "--wallet.hotkey", "--netuid", "--logging.logging_dir"].flatMap((flag) => {
    const at = words.indexOf(flag);
    return at < 0 ? [] : [flag, words[at + 1]!];
  });
}

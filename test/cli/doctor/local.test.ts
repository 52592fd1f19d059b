import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockFile } from "../../../src/base/lock.ts";
import { parseFreeMemory } from "../../../src/cli/doctor/gpu-memory.ts";
import { StateDatabase } from "../../../src/validator/state/database.ts";
import { createWallet } from "../../../src/wallet/create.ts";
import { passwordVariable } from "../../../src/wallet/unlock.ts";
import { CANARY } from "../../canaries.ts";
import { capturedLog } from "../../captured-log.ts";
import vectors from "../../golden/chain-vectors.json" with { type: "json" };
import { scratchFolders } from "../../scratch.ts";
import { captured } from "../captured.ts";
import { examined } from "./doctor-line.ts";

const folder = scratchFolders("doctor");
const logged = capturedLog();
const PUBLIC = JSON.parse(vectors.nacl_keyfile.plaintext);

/** A wallet, a folder for the state, and the command line that names both. */
async function place() {
  const root = folder();
  const { hotkey } = await createWallet(root, "w", "h");
  const directory = join(root, "logs", "w", "h", "netuid1", "core_prompting_validator");
  const words = [
    "--offline",
    ...["--wallet.path", root, "--wallet.name", "w", "--wallet.hotkey", "h"],
    ...[
      "--logging.logging_dir",
      join(root, "logs"),
      "--neuron.device",
      "cpu",
      "--wandb.off",
      "--metrics.port",
      "0",
    ],
  ];
  return { root, hotkey, directory, words, keyFile: join(root, "w", "hotkeys", "h") };
}

/** The same with an encrypted hotkey, whose password is "test-password". */
async function locked() {
  const made = await place();
  writeFileSync(made.keyFile, Uint8Array.fromBase64(vectors.nacl_keyfile.file_base64), { mode: 0o600 });
  writeFileSync(`${made.keyFile}pub.txt`, vectors.nacl_keyfile.plaintext);
  return made;
}

test("a machine that is ready is healthy without a network, within five seconds", async () => {
  const { words } = await place();
  const begun = performance.now();
  const { exitCode, having, one, stderr } = await examined(words);
  expect(performance.now() - begun).toBeLessThan(5000);
  expect({ exitCode, stderr, bad: having("fail"), doubtful: having("warn") }).toEqual({
    exitCode: 0,
    stderr: "",
    bad: [],
    doubtful: [],
  });
  expect(one("chain.endpoint")).toMatchObject({ status: "skip", fix: null });
  const { stdout } = await captured(["doctor", ...words]);
  expect(stdout).toMatch(/^✓ settings .*\n/);
  expect(stdout).not.toContain("chain.endpoint");
  expect(stdout).toMatch(/\n\d+ right, 0 to look at, 0 wrong, \d+ not looked at\n$/);
});

test("settings that cannot be read, and variables that nothing reads, are findings", async () => {
  const { root, words } = await place();
  const misspelt = await examined(words, { OPENVALIDATOR_WALET_NAME: "x" });
  expect(misspelt.exitCode).toBe(1);
  expect(misspelt.one("environment.variables")).toMatchObject({
    status: "fail",
    found: "Unknown environment variable OPENVALIDATOR_WALET_NAME",
    fix: "Did you mean OPENVALIDATOR_WALLET_NAME?",
  });
  const config = join(root, "config.json");
  writeFileSync(config, '{"netuid": "many"}');
  const unread = await examined([...words, "--config", config]);
  expect(unread.exitCode).toBe(1);
  expect(unread.report.checks).toMatchObject([{ name: "settings", status: "fail" }]);

  const old = await examined(words, {
    BT_AXON_PORT: "8091",
    BT_WALLET_PATH: root,
    BT_PW_OTHER: "hidden",
    HTTPS_PROXY: "http://user:hidden@proxy.example:3128",
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
    BUN_CONFIG_VERBOSE_FETCH: "curl",
  });
  expect(old.exitCode).toBe(0);
  expect(old.all("environment.variables").map(({ found }) => found.split(" ")[0])).toEqual([
    "BT_AXON_PORT",
    "BT_PW_OTHER",
  ]);
  expect(old.all("environment.runtime")).toHaveLength(2);
  expect(old.one("environment.proxy")?.found).toContain("http://***@proxy.example:3128");
  expect(JSON.stringify(old.report)).not.toContain("hidden");
  // A slip on the command line stays a slip on the command line.
  expect((await captured(["doctor", "--walet.name", "x"])).exitCode).toBe(64);
});

test("a key that others can read, of another kind, or that is none", async () => {
  const { words, keyFile } = await place();
  chmodSync(keyFile, 0o644);
  expect((await examined(words)).one("wallet.file")).toMatchObject({
    status: "fail",
    fix: expect.stringContaining("chmod 600"),
  });
  expect((await examined(words)).having("fail")).toEqual(["wallet.file"]);
  expect((await examined([...words, "--wallet.lax_permissions"])).one("wallet.file")?.status).toBe("warn");
  chmodSync(keyFile, 0o600);
  writeFileSync(keyFile, JSON.stringify({ secretSeed: `0x${"11".repeat(32)}`, cryptoType: 0 }));
  expect((await examined(words)).one("wallet.key")).toMatchObject({
    status: "fail",
    found: expect.stringContaining("ed25519"),
  });
  writeFileSync(keyFile, "no key");
  expect((await examined(words)).having("fail")).toEqual(["wallet.key"]);
  const none = await examined([...words.slice(0, 3), "--wallet.name", "absent", ...words.slice(5)]);
  expect(none.having("fail")).toEqual(["wallet.file"]);
});

test("a hotkey that the service manager hands over is the one that is looked at", async () => {
  const { words, root } = await place();
  const credentials = folder();
  const { hotkey } = await createWallet(root, "w", "second");
  copyFileSync(join(root, "w", "hotkeys", "second"), join(credentials, "hotkey"));
  chmodSync(join(credentials, "hotkey"), 0o640);
  const { exitCode, one } = await examined(words, { CREDENTIALS_DIRECTORY: credentials });
  expect(exitCode).toBe(0);
  expect(one("wallet.file")?.found).toContain(credentials);
  expect(one("wallet.key")?.found).toBe(`${hotkey}, sr25519`);
});

test("the password of an encrypted key is looked for, and tried with --deep alone", async () => {
  const { words, keyFile, root } = await locked();
  const without = await examined(words);
  expect(without.one("wallet.key")).toMatchObject({
    status: "ok",
    found: expect.stringContaining(PUBLIC.ss58Address),
  });
  expect(without.one("wallet.password")?.status).toBe(process.stdin.isTTY ? "warn" : "fail");
  const file = join(root, "password");
  writeFileSync(file, "wrong-password\n", { mode: 0o600 });
  const given = [...words, "--wallet.password_file", file];
  expect((await examined(given)).one("wallet.password")).toMatchObject({
    status: "ok",
    found: "there is one",
  });
  const variable = { [passwordVariable(keyFile)]: "bm8=" };
  expect((await examined(words, variable)).having("warn")).toEqual([]);
  expect((await examined(given)).exitCode).toBe(0);
  const tried = await examined([...given, "--deep"]);
  expect(tried.one("wallet.key")).toMatchObject({
    status: "fail",
    found: "the password does not open the key file",
  });
  expect(JSON.stringify(tried.report)).not.toContain("wrong-password");
}, 60_000);

test("a state that is used, of another validator, or damaged", async () => {
  const { words, directory, hotkey } = await place();
  StateDatabase.open(directory, { genesis: "0xabc", netuid: 1, hotkey }).close();
  expect((await examined(words)).one("state.content")).toMatchObject({ status: "ok", found: "0 steps" });

  const unlock = lockFile(join(directory, "lock"));
  const running = await examined(words);
  expect(running.exitCode).toBe(0);
  expect(running.one("state.lock")).toMatchObject({
    status: "warn",
    found: `an openvalidator (process ${process.pid}) works with this state now`,
  });
  unlock();
  expect((await examined(words)).one("state.lock")?.status).toBe("ok");

  const path = join(directory, "state.sqlite");
  const database = new Database(path);
  database.run("UPDATE meta SET value = '5Other' WHERE name = 'hotkey'");
  database.close();
  expect((await examined(words)).one("state.content")).toMatchObject({
    status: "fail",
    found: expect.stringContaining("5Other"),
  });
  writeFileSync(path, "this is no database, and never was one".repeat(100));
  const damaged = await examined(words);
  expect(damaged.having("fail")).toEqual(["state.content"]);
  expect(damaged.one("state.content")?.fix).toContain("state reset");
});

test("folders and journals that are not as they should be", async () => {
  const { words, root, directory } = await place();
  mkdirSync(join(directory, "events"), { recursive: true });
  writeFileSync(join(directory, "events", "events.jsonl"), "no event\n");
  chmodSync(directory, 0o777);
  const { having, one } = await examined(words);
  expect(having("warn")).toEqual(["state.folder", "journal"]);
  expect(one("state.folder")?.fix).toBe(`Run: chmod 700 ${directory}`);
  expect((await examined([...words, "--deep"])).one("journal")?.found).toContain("1 line that is none");

  writeFileSync(join(root, "file"), "");
  const blocked = await examined([...words.slice(0, 7), "--logging.logging_dir", join(root, "file", "x")]);
  expect(blocked.one("state.folder")).toMatchObject({
    status: "fail",
    found: expect.stringContaining("is no folder"),
  });
  expect(blocked.exitCode).toBe(1);
});

test("a disk budget that is used up, and a log file that cannot be", async () => {
  const { words, root, directory } = await place();
  mkdirSync(directory, { recursive: true });
  ftruncateSync(openSync(join(directory, "state.sqlite.reset-1"), "w"), 120e6);
  const { exitCode, one, having } = await examined([...words, "--disk.max", "100 MB", "--log.file", root]);
  expect(exitCode).toBe(1);
  expect(one("state.budget")).toMatchObject({
    status: "warn",
    found: "120 MB of --disk.max 100 MB are used",
    fix: expect.stringContaining(directory),
  });
  expect(having("fail")).toEqual(["log.file"]);
  const roomy = await examined([...words, "--disk.max", "1 GB", "--log.file", join(root, "ov.log")]);
  expect(roomy.exitCode).toBe(0);
  expect(roomy.one("state.budget")?.found).toBe(
    "120 MB of --disk.max 1000 MB are used; events may take 787.5 MB",
  );
  expect((await captured(["doctor", ...words, "--disk.max", "1 MB"])).stdout).toContain("at least 100 MB");
});

test("a port that another program has", async () => {
  const { words, directory } = await place();
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const line = [...words.slice(0, -1), String(server.port)];
  expect((await examined(line)).one("telemetry.port")).toMatchObject({
    status: "warn",
    found: expect.stringContaining(`${server.port} is taken`),
  });
  const unlock = lockFile(join(directory, "lock"));
  expect((await examined(line)).one("telemetry.port")?.status).toBe("ok");
  unlock();
  server.stop(true);
  expect((await examined(line)).one("telemetry.port")?.found).toBe(`${server.port} is free`);
});

test("a key of Weights & Biases is looked for and never shown", async () => {
  const { root, words } = await place();
  const line = words.filter((word) => word !== "--wandb.off");
  const KEY = CANARY.wandbKey;
  expect((await examined(words)).one("telemetry.wandb")?.found).toStartWith("off");
  expect((await examined(line, { HOME: root })).one("telemetry.wandb")?.status).toBe("warn");
  const found = await examined(line, { HOME: root, WANDB_API_KEY: KEY });
  expect(found.one("telemetry.wandb")?.found).toContain("$WANDB_API_KEY");
  expect(JSON.stringify(found.report)).not.toContain(KEY);
});

test("models that are not here, data that is not there, and a sample that needs more descriptors than there are", async () => {
  const { words, root } = await place();
  const { one, all, exitCode } = await examined([
    ...words,
    ...["--models.profile", "standard", "--models.dir", join(root, "models")],
    ...["--data.source", `${join(root, "absent.txt")}`],
    ...["--neuron.answer_sample_size", "65536", "--neuron.num_concurrent_forwards", "16"],
  ]);
  expect(exitCode).toBe(1);
  const missing = all("models").filter(({ status }) => status === "fail");
  expect(missing.map(({ fix }) => fix)).toContain("openvalidator models pull toxic-bert");
  expect(one("data.local")?.status).toBe("fail");
  expect(one("machine.descriptors")).toMatchObject({ fix: expect.stringContaining("ulimit -n") });
});

test("models that a first start on a public network brings are no fault, unless it may download none", async () => {
  const { words, root } = await place();
  const line = [...words, "--models.dir", join(root, "models")];
  const brought = (await examined(line)).all("models");
  expect(brought.map(({ status }) => status)).toEqual(["ok", "ok", "ok"]);
  expect(brought.filter(({ found }) => found.includes("the first start brings it"))).toHaveLength(2);
  const offline = (await examined([...line, "--models.offline"])).all("models");
  expect(offline.flatMap(({ status, fix }) => (status === "fail" ? fix : [])).sort()).toEqual([
    "openvalidator models pull minilmv2-toxic-jigsaw",
    "openvalidator models pull oa-deberta-v3-base",
  ]);
});

test("tells the profile that is used and what it cannot judge, without a network too", async () => {
  const { words, root } = await place();
  const line = [...words, "--models.dir", join(root, "models")];
  const chosen = await examined(line);
  expect(chosen.one("models.profile")).toMatchObject({
    status: "ok",
    found:
      "lite, for the network is public and no GPU is used; it cannot judge whether what an answer says is true, nor harm that is not told in English",
  });
  expect(chosen.one("models.space")?.found).toMatch(
    /^what is missing: about \d{3}\.\d MB to fetch, about 1\.\d\d GB of the disk for a while; /,
  );
  writeFileSync(join(root, "no-folder"), "");
  const unmade = await examined([...words, "--models.dir", join(root, "no-folder/models")]);
  expect(unmade.one("models.space")).toMatchObject({
    status: "fail",
    found: `this user may not make ${join(root, "no-folder/models")} in ${join(root, "no-folder")}, where what is missing would go`,
  });
  const embedded = (await examined([...line, "--models.profile", "embedded"])).one("models.profile");
  expect(embedded).toMatchObject({
    status: "warn",
    found:
      "embedded, as told; it cannot judge whether an answer is right or helpful, nor whether it does harm, and the network is public",
    fix: "Leave --models.profile out, or give lite or standard.",
  });
  const unjudged = ["--reward.rlhf_weight=0", "--reward.reciprocate_weight=0", "--reward.dpo_weight=1"];
  const switched = [...line, "--models.profile", "standard", ...unjudged, "--neuron.nsfw_off"];
  expect((await examined(switched)).one("models.profile")).toMatchObject({
    status: "warn",
    found:
      "standard, as told; it cannot judge whether an answer is right or helpful, nor whether it does harm, and the network is public",
    fix: "Leave the --reward.*_weight flags out, or give a reward model that judges some weight.",
  });
  const short = await examined([...line, "--models.profile", "lite", "--reward.rlhf_weight", "0"]);
  expect(short.one("models.profile")).toMatchObject({
    status: "fail",
    found: "the weights of the reward models sum to 0.5, not to 1: rlhf 0, task_fit 0.5",
  });
  expect(["models", "models.space"].map((name) => short.one(name)?.status)).toEqual(["skip", "skip"]);
  const local = await examined([...line, "--subtensor.network", "local", "--models.profile", "embedded"]);
  expect(local.one("models.profile")?.status).toBe("ok");
  expect(local.one("models.space")).toMatchObject({ status: "ok", found: "nothing is to be fetched" });
  const strange = await examined([...line, "--subtensor.chain_endpoint", "wss://node.example:443"]);
  expect(strange.one("models.profile")?.found).toStartWith("embedded, as on a local chain: nothing told");
  expect((await examined([...line, "--mock"])).one("models.profile")?.found).toStartWith(
    "embedded, for the chain is a local or development one",
  );
});

test("no secret is printed, whatever is wrong", async () => {
  const SECRET = CANARY.password;
  const { words, keyFile, root } = await locked();
  const file = join(root, "password");
  writeFileSync(file, SECRET, { mode: 0o644 });
  const environment = {
    HF_TOKEN: SECRET,
    [passwordVariable(keyFile)]: SECRET,
    BT_PW_OTHER: SECRET,
    HTTP_PROXY: `http://u:${SECRET}@127.0.0.1:1/${SECRET}`,
    https_proxy: `${SECRET}:${SECRET}@127.0.0.1:1`,
    WANDB_API_KEY: SECRET,
  };
  const endpoint = `ws://u:${SECRET}@127.0.0.1:1/${SECRET}?key=${SECRET}`;
  const bad = { ...environment, OPENVALIDATOR_DATA_TOKEN: `${SECRET} with a space` };
  const lines: [words: string[], given: Record<string, string>][] = [
    [[...words, "--deep", "--wallet.password_file", file, "--logging.trace"], environment],
    [[...words, "--wallet.password_file", file], environment],
    [[...words.slice(1), "--subtensor.chain_endpoint", endpoint], environment],
    [[...words, "--subtensor.chain_endpoint", `http://u:${SECRET}@127.0.0.1`], environment],
    [words, bad],
  ];
  for (const [line, given] of lines) {
    const { stdout, stderr } = await captured(["doctor", "--json", ...line], given);
    expect(JSON.parse(stdout).checks.length).toBeGreaterThan(0);
    expect(stdout + stderr + logged.join("")).not.toContain(SECRET);
  }
}, 120_000);

test("free memory is read from nvidia-smi's lines alone", () => {
  const text = "GPU-2b1f0c3a-1111-2222-3333-444455556666, 80559\nGPU-x, 1\nfailed to talk\n";
  expect([...parseFreeMemory(text)]).toEqual([["2b1f0c3a111122223333444455556666", 80_559 * 2 ** 20]]);
});

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { installService, uninstallService } from "../../../src/cli/service/install.ts";
import { planService, UNIT_NAME } from "../../../src/cli/service/plan.ts";
import { systemctlOf } from "../../../src/cli/service/systemctl.ts";
import { unitText } from "../../../src/cli/service/unit.ts";
import { modeOf, UPDATE_SERVICE, UPDATE_TIMER, updateUnits } from "../../../src/cli/service/update-units.ts";
import { parseJsonc } from "../../../src/config/jsonc.ts";
import { readReceipt } from "../../../src/update/receipt.ts";
import { scratchFolders } from "../../scratch.ts";
import { captured } from "../captured.ts";

const folder = scratchFolders("service");
const ANALYZE = Bun.which("systemd-analyze");
/** What D of the design's reference measured, and the most that an operator should accept. */
const MAX_EXPOSURE = 2;
/** Root, who restarts a unit and tries a program as nobody. */
const MAX_UPDATE_EXPOSURE = 3;

const PM2 =
  "CUDA_VISIBLE_DEVICES=1 pm2 start run.sh --name x -- --wallet.name 'my wallet' --wallet.hotkey 50% --netuid 11 " +
  "--subtensor.chain_endpoint ws://192.168.1.10:9944";

const COMMIT = "c".repeat(40);
/** A program that says it is a release. */
const releaseOf = (version: string): string =>
  `#!/bin/sh\necho '{"version":"${version}","commit":"${COMMIT}"}'\n`;

const context = (flags: Record<string, string>, environment: Record<string, string>) => ({
  command: "service install",
  flags,
  environment,
  signal: new AbortController().signal,
  print: () => {},
});

/** A home with a wallet, and a systemctl that notes what it is told. */
function machine(exitCode = 0) {
  const home = folder();
  const keys = join(home, ".bittensor/wallets/my wallet/hotkeys");
  mkdirSync(keys, { recursive: true });
  writeFileSync(join(keys, "50%"), "{}", { mode: 0o600 });
  const bin = join(home, "bin");
  mkdirSync(bin);
  const said = join(home, "said");
  writeFileSync(
    join(bin, "systemctl"),
    `#!/bin/sh\necho "$@" >> ${said}\necho refused >&2\n[ "$1" = show ] || [ "$2" = show ] && cat ${home}/facts\nexit ${exitCode}\n`,
  );
  chmodSync(join(bin, "systemctl"), 0o755);
  const program = join(home, "downloaded");
  writeFileSync(program, releaseOf("1.0.0"));
  return { home, program, environment: { HOME: home, PATH: `${bin}:/usr/bin:/bin` }, said };
}

describe("the unit", () => {
  /** Every unit of a service by its name. */
  const unitsOf = (flags: Record<string, string>): Map<string, string> => {
    const { environment } = machine();
    const { unit, updates } = planService(context(flags, environment));
    return new Map([[UNIT_NAME, unitText(unit)], ...(updates === undefined ? [] : updateUnits(updates))]);
  };

  test("hands over the key as a credential and names neither home nor secret to the program", () => {
    const { home, environment } = machine();
    const plan = planService(context({ "from-pm2": PM2, "wallet.password_file": "/root/pw" }, environment));
    const text = unitText(plan.unit);
    expect(text).toContain(`\nLoadCredential=hotkey:${home}/.bittensor/wallets/my wallet/hotkeys/50%%\n`);
    expect(text).toContain("\nLoadCredential=hotkey-password:/root/pw\n");
    expect(text).toContain("\nEnvironment=CUDA_VISIBLE_DEVICES=1\n");
    expect(text).toMatch(/\nIPAddressAllow=.*\b192\.168\.1\.10\b/);
    expect(plan.flags).toEqual({
      "wallet.name": "my wallet",
      "wallet.hotkey": "50%",
      netuid: "11",
      "subtensor.chain_endpoint": "ws://192.168.1.10:9944",
    });
  });

  test.skipIf(ANALYZE === null).each([
    ["system", {}],
    [
      "system with everything",
      { "from-pm2": PM2, wandb_key_file: "/etc/key", "wallet.password_file": "/etc/p w" },
    ],
    ["user", { user: "true", "from-pm2": PM2 }],
    ["system with a timer", { "auto-update": "patch", "update.url": "https://a.example/x%20y" }],
    ["user with a timer", { user: "true", "auto-update": "on", root: "/srv/o v" }],
  ])("of a %s is clean to systemd-analyze verify", (_, flags: Record<string, string>) => {
    const directory = folder();
    const paths = [...unitsOf(flags)].map(([name, text]) => {
      // The program itself is not installed on the machine that tests.
      writeFileSync(
        join(directory, name),
        text.replaceAll(/^ExecStart=(?:"[^"]*"|\S+)/gm, "ExecStart=/bin/true"),
      );
      return join(directory, name);
    });
    const scope = flags.user === "true" ? ["--user"] : [];
    const { exitCode, stderr, stdout } = Bun.spawnSync([ANALYZE!, "verify", "--man=no", ...scope, ...paths], {
      env: { ...process.env, XDG_RUNTIME_DIR: directory },
    });
    const own = `${stdout}${stderr}`.split("\n").filter((line) => /openvalidator/.test(line));
    expect({ exitCode, own }).toEqual({ exitCode: 0, own: [] });
  });

  test.skipIf(ANALYZE === null).each([
    ["openvalidator.service", MAX_EXPOSURE],
    ["openvalidator-update.service", MAX_UPDATE_EXPOSURE],
    ["openvalidator-rollback.service", MAX_UPDATE_EXPOSURE],
  ])("%s leaves little exposed", (name, most) => {
    const path = join(folder(), name);
    writeFileSync(path, unitsOf({ "auto-update": "on" }).get(name)!);
    const threshold = String(most * 10);
    const { exitCode, stdout } = Bun.spawnSync(
      [ANALYZE!, "security", "--offline=true", "--no-pager", `--threshold=${threshold}`, path],
      { env: { ...process.env, LC_ALL: "C" } },
    );
    const [, exposure] = /exposure level for \S+: ([\d.]+)/.exec(stdout.toString()) ?? [];
    expect(Number(exposure)).toBeLessThanOrEqual(most);
    expect(exitCode).toBe(0);
  });

  test("of a timer names neither config file nor wallet, and what it takes is found again", () => {
    const units = unitsOf({
      "auto-update": "patch",
      "wallet.name": "my wallet",
      root: "/srv/50% o",
      netuid: "7",
    });
    const update = units.get(UPDATE_SERVICE)!;
    expect(update).toContain(
      '\nExecStart="/srv/50%% o/updater/openvalidator" self-update --unattended --auto-update=patch --restart openvalidator.service\n',
    );
    expect(update).toContain('\nReadWritePaths="/srv/50%% o"\n');
    expect(modeOf(update)).toBe("patch");
    expect(units.get(UNIT_NAME)).toContain("\nOnFailure=openvalidator-rollback.service\n");
    expect(unitsOf({}).size).toBe(1);
    expect(unitsOf({}).get(UNIT_NAME)).not.toContain("OnFailure");
  });
});

describe("service install", () => {
  test("of a user puts program, config and unit in place and starts it; once more changes the program alone", async () => {
    const { home, program, environment, said } = machine();
    const started = context({ user: "true", "from-pm2": PM2 }, environment);
    const plan = planService(started);
    await installService(
      plan,
      { executable: program, version: "1.0.0", commit: COMMIT },
      systemctlOf(started, true),
    );
    const programs = join(home, ".local/share/openvalidator");
    expect(readlinkSync(join(programs, "current"))).toBe("releases/1.0.0");
    expect(statSync(join(programs, "current/openvalidator")).mode & 0o777).toBe(0o755);
    const config = join(home, ".config/openvalidator/openvalidator.jsonc");
    expect(statSync(config).mode & 0o777).toBe(0o600);
    expect(parseJsonc(readFileSync(config, "utf8"))).toMatchObject({ netuid: 11, "wallet.hotkey": "50%" });
    expect(readFileSync(plan.unitFile, "utf8")).toContain(`run --config ${config}\n`);
    const told =
      "--user daemon-reload\n--user enable openvalidator.service\n--user restart openvalidator.service\n";
    expect(readFileSync(said, "utf8")).toBe(told);
    const newer = join(home, "newer");
    writeFileSync(newer, releaseOf("1.1.0"));
    // The flags would have to go into a file that is there.
    const again = installService(
      plan,
      { executable: newer, version: "1.1.0", commit: COMMIT },
      systemctlOf(started, true),
    );
    await expect(again).rejects.toThrow("is there already");
    expect(readlinkSync(join(programs, "current"))).toBe("releases/1.0.0");
    const bare = planService(context({ user: "true" }, environment));
    await installService(
      bare,
      { executable: newer, version: "1.1.0", commit: COMMIT },
      systemctlOf(started, true),
    );
    expect(readlinkSync(join(programs, "current"))).toBe("releases/1.1.0");
    expect(existsSync(join(programs, "releases/1.0.0/openvalidator"))).toBe(true);
    await uninstallService(plan.unitFile, systemctlOf(started, true));
    expect(existsSync(plan.unitFile)).toBe(false);
    expect(existsSync(config)).toBe(true);
    expect(readFileSync(said, "utf8")).toEndWith(
      "--user disable --now openvalidator.service\n--user daemon-reload\n",
    );
  });

  test("has a timer see to releases when that is wanted, until it is not wanted any more", async () => {
    const { home, program, environment, said } = machine();
    const release = { executable: program, version: "1.0.0", commit: COMMIT };
    const units = join(home, ".config/systemd/user");
    const install = async (flags: Record<string, string>): Promise<string> => {
      rmSync(said, { force: true });
      const given = context({ user: "true", ...flags }, environment);
      return (await installService(planService(given), release, systemctlOf(given, true))).join("\n");
    };
    const timer = (): string => readFileSync(join(units, UPDATE_TIMER), "utf8");
    const unit = (): string => readFileSync(join(units, UNIT_NAME), "utf8");
    expect(await install({ "auto-update": "patch", "update.interval": "60" })).toContain(
      "updates  patch, by",
    );
    expect(readFileSync(said, "utf8")).toEndWith(
      "--user restart openvalidator.service\n--user enable --now openvalidator-update.timer\n",
    );
    expect(timer()).toMatch(/^OnUnitActiveSec=3600s$[\s\S]*^RandomizedDelaySec=1200s$/m);
    const config = parseJsonc(readFileSync(join(home, ".config/openvalidator/openvalidator.jsonc"), "utf8"));
    expect(config).toEqual({ "update.interval": 60 });
    const root = join(home, ".local/share/openvalidator");
    expect(readReceipt(root)?.service).toEqual({ unit: UNIT_NAME, scope: "user" });
    // What was chosen stays, also beside a config file that stays; what is chosen anew counts.
    expect(await install({})).toContain("updates  patch, by");
    expect(timer()).toContain("OnUnitActiveSec=3600s");
    expect(await install({ "auto-update": "on", "update.interval": "15" })).toContain("updates  on, by");
    expect(timer()).toContain("OnUnitActiveSec=900s");
    expect(await install({ "auto-update": "off" })).toContain("updates  by hand");
    expect(readFileSync(said, "utf8")).toStartWith(
      "--user disable --now openvalidator-update.timer\n--user stop openvalidator-update.service\n",
    );
    expect(readdirSync(units)).toEqual([UNIT_NAME]);
    expect(unit()).toMatch(/^ExecStart=.* --auto-update off$/m);
    await install({});
    expect(unit()).toMatch(/^ExecStart=.* --auto-update off$/m);
    await install({ "auto-update": "notify" });
    expect(unit()).not.toContain("--auto-update");
    await install({ "auto-update": "on" });
    rmSync(said);
    await uninstallService(join(units, UNIT_NAME), systemctlOf(context({}, environment), true));
    expect(readdirSync(units)).toEqual([]);
    expect(readFileSync(said, "utf8")).toStartWith("--user disable --now openvalidator-update.timer\n");
  });

  test("of the system goes below a destdir, and starts nothing there", async () => {
    const { program, environment, said } = machine();
    const destdir = folder();
    const packed = context({ destdir, netuid: "3" }, environment);
    const before = process.umask(0o077);
    await installService(
      planService(packed),
      { executable: program, version: "1.0.0", commit: COMMIT },
      systemctlOf(packed, false),
    ).finally(() => process.umask(before));
    const programs = join(destdir, "opt/openvalidator");
    for (const part of ["", "releases", "releases/1.0.0", "current/openvalidator"])
      expect([part, statSync(join(programs, part)).mode & 0o777]).toEqual([part, 0o755]);
    expect(existsSync(join(destdir, "etc/systemd/system/openvalidator.service"))).toBe(true);
    expect(existsSync(join(destdir, "opt/openvalidator/current/openvalidator"))).toBe(true);
    expect(statSync(join(destdir, "etc/openvalidator/openvalidator.jsonc")).mode & 0o777).toBe(0o600);
    expect(existsSync(said)).toBe(false);
  });

  test("hands over the files that the unit before did, as long as it is the same hotkey", () => {
    const { environment } = machine();
    const destdir = folder();
    const flags = { destdir, "wallet.name": "w" };
    const given = {
      "wallet.path": "/keys/50%",
      "wallet.password_file": "/root/pw",
      wandb_key_file: "/root/key",
    };
    const { unit, unitFile } = planService(context({ ...flags, ...given }, environment));
    mkdirSync(join(destdir, unitFile, ".."), { recursive: true });
    writeFileSync(join(destdir, unitFile), unitText(unit));
    const credentials = (more: Record<string, string>) =>
      planService(context({ ...flags, ...more }, environment)).unit.credentials;
    expect(credentials({})).toEqual({
      hotkey: "/keys/50%/w/hotkeys/default",
      "hotkey-password": "/root/pw",
      "wandb-api-key": "/root/key",
    });
    const other = { hotkey: `${environment.HOME}/.bittensor/wallets/w/hotkeys/other` };
    expect(credentials({ "wallet.hotkey": "other" })).toEqual(other);
    expect(credentials({ "wallet.path": "/new" })).toEqual({ hotkey: "/new/w/hotkeys/default" });
  });

  test("is given whole paths, for the service has a home and a working folder of its own", () => {
    const { home, environment } = machine();
    const given = {
      "wallet.path": "keys",
      "wallet.password_file": "~/pw",
      wandb_key_file: "key",
      "models.dir": "models",
      "models.profile": "my.json",
      "log.file": "~/log",
      "data.source": "hf:owner/name, texts.txt, ~/more#body",
    };
    const system = planService(context(given, environment));
    expect(system.unit.credentials).toEqual({
      hotkey: resolve("keys/default/hotkeys/default"),
      "hotkey-password": join(home, "pw"),
      "wandb-api-key": resolve("key"),
    });
    const written = {
      "models.dir": resolve("models"),
      "models.profile": resolve("my.json"),
      "log.file": join(home, "log"),
      "data.source": `hf:owner/name,${resolve("texts.txt")},${join(home, "more#body")}`,
    };
    expect(system.flags).toEqual(written);
    const user = planService(context({ ...given, user: "true", "models.profile": "lite" }, environment));
    expect(user.flags).toEqual({
      ...written,
      "models.profile": "lite",
      "wallet.path": resolve("keys"),
      "wallet.password_file": join(home, "pw"),
    });
  });

  test("finds out before it writes: a missing key, a unit of somebody else, a manager that refuses", async () => {
    const { home, program, environment } = machine(1);
    const release = { executable: program, version: "1.0.0", commit: COMMIT };
    const system = planService(context({ "wallet.name": "absent" }, environment));
    await expect(
      installService(system, release, systemctlOf(context({}, environment), false)),
    ).rejects.toThrow("credential hotkey");
    const user = planService(context({ user: "true" }, environment));
    mkdirSync(join(home, ".config/systemd/user"), { recursive: true });
    writeFileSync(user.unitFile, "[Unit]\n");
    const manager = systemctlOf(context({}, environment), true);
    await expect(installService(user, release, manager)).rejects.toThrow("was not written by");
    await expect(uninstallService(user.unitFile, manager)).rejects.toThrow("was not written by");
    expect(existsSync(join(home, ".local"))).toBe(false);
    writeFileSync(user.unitFile, unitText(user.unit));
    await expect(installService(user, release, manager)).rejects.toThrow("daemon-reload failed (1): refused");
    await expect(systemctlOf(context({}, { PATH: home }), true)("show")).rejects.toThrow("no systemctl");
    const unbooted = "System has not been booted with systemd as init system (PID 1). Can't operate.";
    writeFileSync(join(home, "bin/systemctl"), `#!/bin/sh\necho "${unbooted}" >&2\nexit 1\n`, {
      mode: 0o755,
    });
    await expect(manager("show", "x.service", "--property=A,B")).rejects.toMatchObject({
      code: "service.no-systemd",
      message: "systemd does not run this machine",
    });
  });
});

describe("the commands", () => {
  test("print is a unit with the rest as comments, and takes the flags of run", async () => {
    const { environment } = machine();
    const { exitCode, stdout } = await captured(
      ["service", "print", "--from-pm2", `${PM2} --axon.maximum_concurrent_rpcs 5`, "--netuid", "12"],
      environment,
    );
    expect(exitCode).toBe(0);
    expect(stdout).toStartWith("# /etc/systemd/system/openvalidator.service\n");
    expect(stdout).toContain('\n#   "netuid": 12,\n');
    expect(stdout).toContain("\n# --axon.maximum_concurrent_rpcs was left out: nothing listens\n");
    const bad = await captured(
      ["service", "print", "--from-pm2", "pm2 start run.sh -- --netuid x"],
      environment,
    );
    expect(bad.exitCode).toBe(64);
    expect(bad.stderr).toContain("--netuid");
  });

  test("status tells an active service from one that is not", async () => {
    const { home, environment } = machine();
    writeFileSync(
      join(home, "facts"),
      "LoadState=loaded\nActiveState=active\nSubState=running\nStatusText=step 3 a=b\nMainPID=7\nNRestarts=0\nResult=success\nDescription=Releases of openvalidator (patch)\nLastTriggerUSec=Sun 2026-11-29 04:00:00 UTC\n",
    );
    const active = await captured(["service", "status", "--user"], environment);
    expect(active).toMatchObject({ exitCode: 0, stderr: "" });
    expect(active.stdout).toContain("Says      step 3 a=b\n");
    expect(active.stdout).toContain(
      "Updates   Releases of openvalidator (patch): looked at Sun 2026-11-29 04:00:00 UTC, last result success\n",
    );
    writeFileSync(join(home, "facts"), "LoadState=not-found\nActiveState=inactive\n");
    const missing = await captured(["service", "status"], environment);
    expect(missing).toMatchObject({ exitCode: 69, stdout: "openvalidator.service is not installed\n" });
    const json = await captured(["service", "status", "--json"], environment);
    expect(JSON.parse(json.stdout)).toMatchObject({ LoadState: "not-found", MainPID: "" });
  });

  test("install from source says what to do", async () => {
    const { exitCode, stderr } = await captured(["service", "install", "--user"], machine().environment);
    expect(exitCode).toBe(69);
    expect(stderr).toContain("bun run build");
  });
});

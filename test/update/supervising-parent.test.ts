import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { LookTimes } from "../../src/update/look-times.ts";
import { type SupervisedPrograms, SupervisingParent } from "../../src/update/supervising-parent.ts";
import { scratchFolders } from "../scratch.ts";

const scratch = scratchFolders("parent");
const SOURCE = resolve(import.meta.dir, "../../src");

let folder: string;
beforeEach(() => {
  folder = scratch();
});

const noted = (name: string): string[] => {
  const path = join(folder, name);
  return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
};

async function until<T>(find: () => T | undefined | false): Promise<T> {
  for (const endMs = performance.now() + 10_000; performance.now() < endMs; await Bun.sleep(5)) {
    const found = find();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(
    `nothing came; there is ${JSON.stringify({ starts: noted("starts"), told: noted("told") })}`,
  );
}

/** A validator in the words of a shell, which notes each of its starts once it is ready for signals. */
const shell = (words: string): string[] => {
  const [, trap = "", rest] = /^(trap [^;]*; )?(.*)$/.exec(words)!;
  return ["sh", "-c", `${trap}echo "$$ $OPENVALIDATOR_SUPERVISOR" >> ${folder}/starts; ${rest}`];
};
/** Until a signal; a shell that waits for a child hears none. */
const RUNS = (code: number): string => `trap 'exit ${code}' TERM; while :; do sleep 0.02; done`;

/** An updater that has a channel to the parent, and notes what it hears. */
function updater(body: string): string[] {
  const path = join(folder, "updater.ts");
  writeFileSync(
    path,
    `
    import { appendFileSync } from "node:fs";
    import { channelToParent, serviceOfParent } from "${SOURCE}/update/updater-channel.ts";
    const note = (text: string) => appendFileSync("${folder}/told", text + "\\n");
    const channel = channelToParent()!;
    channel.onMessage((message) => note(JSON.stringify(message)));
    const { service, signal } = serviceOfParent(channel, async () => undefined, new AbortController().signal);
    process.on("SIGTERM", () => { note("SIGTERM"); process.exit(75); });
    note("looks");
    ${body}
    process.exit(0);
    `,
  );
  return [process.execPath, path];
}

const open: SupervisingParent[] = [];
afterEach(() => {
  for (const parent of open.splice(0)) parent.signal("SIGKILL");
});

function supervised(validator: string[], changes: Partial<SupervisedPrograms> = {}) {
  const parent = new SupervisingParent({
    validator,
    validatorEnvironment: { PATH: "/usr/bin:/bin" },
    updater: () => ["false"],
    updaterEnvironment: { PATH: "/usr/bin:/bin" },
    hasUnconfirmed: () => false,
    looks: new LookTimes(1e9, 0),
    hasEnd: false,
    stopTimeoutMs: 300,
    ...changes,
  });
  open.push(parent);
  return { parent, over: parent.run() };
}
/** The first look comes at once. */
const soon = (): LookTimes => ({ next: (last: string) => (last === "none" ? 1 : 1e9) }) as LookTimes;

describe("a validator without news of releases", () => {
  test("is started once, and its exit code is the parent's", async () => {
    expect(await supervised(shell("exit 7")).over).toBe(7);
    expect(await supervised(shell("kill -9 $$")).over).toBe(137);
    expect(noted("starts").map((line) => line.split(" ")[1])).toEqual([`${process.pid}`, `${process.pid}`]);
  });

  test("gets the signals, and decides what they mean", async () => {
    const { parent, over } = supervised(shell(RUNS(5)));
    await until(() => noted("starts").length === 1);
    parent.signal("SIGTERM");
    expect(await over).toBe(5);
    const deaf = supervised(shell("trap '' TERM; while :; do sleep 0.02; done"));
    await until(() => noted("starts").length === 2);
    deaf.parent.signal("SIGTERM");
    expect(await deaf.over).toBe(137);
  });

  test("that cannot be started at all is told by an error", async () => {
    await expect(supervised([join(folder, "none")]).over).rejects.toThrow("none");
  });
});

describe("an update", () => {
  test("restarts the validator when the updater asks for it, however it stops", async () => {
    for (const [index, words] of [RUNS(0), "trap '' TERM; while :; do sleep 0.02; done"].entries()) {
      folder = join(scratch(), `${index}`);
      mkdirSync(folder);
      const { parent, over } = supervised(shell(words), {
        updater: () => updater("await service.restart(); note('restarted');"),
        looks: soon(),
      });
      await until(() => noted("told").includes("restarted"));
      expect(await until(() => noted("starts").length === 2)).toBeTrue();
      expect(noted("told")).toEqual(["looks", '{"kind":"restarted"}', "restarted"]);
      parent.signal("SIGKILL");
      expect(await over).toBe(137);
    }
  });

  test("is told when its validator ends on trial, and brings another one", async () => {
    writeFileSync(join(folder, "bad"), "");
    const { parent, over } = supervised(shell(`test -e ${folder}/bad && exit 3; ${RUNS(0)}`), {
      hasUnconfirmed: () => existsSync(join(folder, "bad")),
      updater: () =>
        updater(`
        while (service.ended!() === undefined) await Bun.sleep(1);
        note(service.ended!()!);
        require("node:fs").rmSync("${folder}/bad");
        await service.restart();`),
    });
    await until(() => noted("starts").length === 2);
    expect(noted("told")).toContain("it ended with exit code 3");
    parent.signal("SIGTERM");
    expect(await over).toBe(0);
  });

  test("that decides nothing about such an end is not tried for ever", async () => {
    const { over } = supervised(shell("exit 3"), {
      hasUnconfirmed: () => true,
      updater: () => updater(""),
    });
    expect(await over).toBe(3);
    expect(noted("starts")).toHaveLength(1);
    expect(noted("told").filter((line) => line === "looks")).toHaveLength(1);
  });

  test("that was killed when the validator ended is begun anew, once", async () => {
    const { over } = supervised(shell("sleep 0.5; exit 3"), {
      hasUnconfirmed: () => true,
      updater: () =>
        updater("await new Promise((r) => channel.onMessage(r)); process.kill(process.pid, 'SIGKILL');"),
      looks: soon(),
    });
    expect(await over).toBe(3);
    expect(noted("starts")).toHaveLength(1);
    expect(noted("told").filter((line) => line === "looks")).toHaveLength(2);
  });

  test("is ended with the validator", async () => {
    const { parent, over } = supervised(shell(RUNS(0)), {
      updater: () => updater("await Bun.sleep(60_000)"),
      looks: soon(),
    });
    await until(() => noted("told").includes("looks"));
    parent.signal("SIGTERM");
    expect(await over).toBe(0);
    expect(noted("told")).toContain("SIGTERM");
  });

  test("whose parent is gone stops", async () => {
    const driver = join(folder, "driver.ts");
    const words = updater(
      "signal.addEventListener('abort', () => { note('gone'); process.exit(75); }); await Bun.sleep(60_000);",
    );
    writeFileSync(
      driver,
      `
      import { SupervisingParent } from "${SOURCE}/update/supervising-parent.ts";
      const parent = new SupervisingParent({
        validator: ${JSON.stringify([process.execPath, join(folder, "child.ts")])}, validatorEnvironment: process.env,
        updater: () => ${JSON.stringify(words)}, updaterEnvironment: process.env, hasUnconfirmed: () => false,
        looks: { next: () => 1 } as never, hasEnd: false,
      });
      await parent.run();
      `,
    );
    writeFileSync(
      join(folder, "child.ts"),
      `
      import { appendFileSync } from "node:fs";
      import { watchSupervisor } from "${SOURCE}/base/parent.ts";
      appendFileSync("${folder}/starts", "started\\n");
      watchSupervisor(process.env, () => { appendFileSync("${folder}/starts", "orphan\\n"); process.exit(0); });
      await Bun.sleep(60_000);
      `,
    );
    const parent = Bun.spawn([process.execPath, driver], { stdio: ["ignore", "ignore", "inherit"] });
    await until(() => noted("told").includes("looks") && noted("starts").length === 1);
    parent.kill("SIGKILL");
    await until(() => noted("told").includes("gone") && noted("starts").includes("orphan"));
  });
});

test("looks are spread over machines, come sooner at first, and more rarely from a server that is away", () => {
  const minute = 60_000;
  expect(new LookTimes(30 * minute, 0).next("none")).toBeCloseTo((20 * minute) / 6);
  expect(new LookTimes(30 * minute, 0).next("good")).toBeCloseTo(20 * minute);
  expect(new LookTimes(30 * minute, 1).next("good")).toBeCloseTo(40 * minute);
  const times = new LookTimes(30 * minute, 0.5);
  const waits = Array.from({ length: 6 }, () => Math.round(times.next("failed") / minute));
  expect(waits).toEqual([60, 120, 240, 360, 360, 360]);
  expect(times.next("good")).toBeCloseTo(30 * minute);
  expect(new LookTimes(10 * 60 * minute, 0.5).next("failed")).toBeCloseTo(10 * 60 * minute);
});

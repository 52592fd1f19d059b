import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { childEnvironment } from "../../src/base/child-environment.ts";
import type { Event, EventBody } from "../../src/events/schema.ts";
import { Notify, type NotifyOptions, supervisorOf } from "../../src/telemetry/notify.ts";
import { openNotifySocket } from "../../src/telemetry/notify-socket.ts";
import { capturedLog } from "../captured-log.ts";
import { BODIES, IDENTITY, stepBodyOf } from "../events/bodies.ts";
import { scratchFolders } from "../scratch.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

const folder = scratchFolders("notify");
const open: { close(): void }[] = [];
afterEach(() => {
  for (const thing of open.splice(0).reverse()) thing.close();
});

function receiver(name = join(folder(), "notify.sock")): Receiver {
  const made = startReceiver(name);
  open.push(made);
  return made;
}

const body = (kind: EventBody["kind"]): EventBody => BODIES.find((one) => one.kind === kind)!;
const forwardBody = (more: object): EventBody => ({ ...body("forward"), ...more }) as EventBody;
const chainBody = (state: string): EventBody => ({ ...body("chain"), state }) as EventBody;

/** A Notify whose clock and events are the test's. */
function notify(manager: Receiver, more: Partial<NotifyOptions> = {}, watchdogMs?: number) {
  let read: ((events: readonly Event[]) => unknown) | undefined;
  let sequence = 0;
  const clock = { ms: 0 };
  const stop = new AbortController();
  const made = Notify.open({
    supervisor: { socket: manager.name, watchdogMs },
    feed: {
      subscribe: (_, __, reader) => {
        read = reader;
        return { close: () => {} } as ReturnType<NotifyOptions["feed"]["subscribe"]>;
      },
    },
    signal: stop.signal,
    settings: { neuronFollowupTimeout: 10, neuronAnswerTimeout: 10 },
    nowMs: () => clock.ms,
    ...more,
  });
  if (made !== undefined) open.push(made);
  const tell = (event: EventBody, block = 1): unknown =>
    read?.([{ ...IDENTITY, version: 2, time: "", block, run: "r", sequence: sequence++, ...event } as Event]);
  return { made, clock, stop, tell };
}

describe("what the environment says of a service manager", () => {
  test.each([
    [{}, undefined],
    [{ NOTIFY_SOCKET: "" }, undefined],
    [{ NOTIFY_SOCKET: "/run/n" }, { socket: "/run/n", watchdogMs: undefined }],
    [
      { NOTIFY_SOCKET: "@n", WATCHDOG_USEC: "300000000" },
      { socket: "@n", watchdogMs: 300_000 },
    ],
    [
      { NOTIFY_SOCKET: "@n", WATCHDOG_USEC: "5", WATCHDOG_PID: "7" },
      { socket: "@n", watchdogMs: 0.005 },
    ],
    [
      { NOTIFY_SOCKET: "@n", WATCHDOG_USEC: "5", WATCHDOG_PID: "8" },
      { socket: "@n", watchdogMs: undefined },
    ],
    [
      { NOTIFY_SOCKET: "@n", WATCHDOG_USEC: "-5" },
      { socket: "@n", watchdogMs: undefined },
    ],
  ])("%p", (environment, found) => {
    expect(supervisorOf(environment, 7)).toEqual(found);
  });

  test("stays with this process: inference children do not get it", () => {
    const environment = { NOTIFY_SOCKET: "/run/n", WATCHDOG_USEC: "5", WATCHDOG_PID: "7", PATH: "/bin" };
    expect(childEnvironment(environment)).toEqual({ PATH: "/bin" });
  });
});

describe("the socket", () => {
  test("reaches a path and an abstract name, and never waits for a full queue", () => {
    for (const name of [join(folder(), "s"), `@openvalidator-test-${process.pid}`]) {
      const manager = receiver(name);
      const socket = openNotifySocket(name);
      open.push(socket);
      expect(socket.send("STATUS=häppy")).toBe(true);
      expect(manager.take()).toEqual(["STATUS=häppy"]);
      const startedMs = performance.now();
      let sent = 0;
      while (socket.send("WATCHDOG=1") && sent < 100_000) sent++;
      expect(sent).toBeLessThan(100_000);
      expect(performance.now() - startedMs).toBeLessThan(5_000);
      expect(manager.take()).toHaveLength(sent);
    }
  });

  test("a receiver that is gone is no error", () => {
    const manager = startReceiver(join(folder(), "s"));
    const socket = openNotifySocket(manager.name);
    manager.close();
    expect(socket.send("READY=1")).toBe(false);
    socket.close();
    expect(socket.send("READY=1")).toBe(false);
  });

  test.each(["relative", "@", "/", `/${"x".repeat(107)}`, "/a\0b"])("refuses %p", (name) => {
    expect(() => openNotifySocket(name)).toThrow("NOTIFY_SOCKET");
  });
});

describe("notify", () => {
  const lines = capturedLog();

  test("tells loading, READY once, what it does, and STOPPING at the signal", () => {
    const manager = receiver();
    const { tell, stop } = notify(manager);
    expect(manager.take()).toEqual(["STATUS=Starting"]);
    tell({ ...body("model"), state: "loaded" } as EventBody);
    expect(manager.take()[0]).toMatch(/^EXTEND_TIMEOUT_USEC=900000000\nSTATUS=Starting · 1 model loaded/);
    tell(body("run"));
    expect(manager.take()[0]).toMatch(/^READY=1\nSTATUS=Running as uid /);
    tell(body("run"));
    expect(manager.take()).toEqual([]);
    tell(stepBodyOf(4));
    expect(manager.take()).toEqual(["STATUS=step 1 augment: 4 of 4 answered, mean reward 0.500"]);
    tell({ ...body("weights"), state: "included" } as EventBody, 77);
    expect(manager.take()[0]).toContain("weights set in block 77");
    tell(chainBody("lost"));
    expect(manager.take()[0]).toStartWith("STATUS=chain lost · step 1");
    stop.abort();
    expect(manager.take()[0]).toMatch(/^STOPPING=1\nSTATUS=Stopping \(signal\).*\nWATCHDOG=1$/s);
    tell(stepBodyOf(4));
    expect(manager.take()).toEqual([]);
  });

  test("every kind of event gives one line without control characters", () => {
    const manager = receiver();
    const { tell } = notify(manager);
    for (const event of BODIES) tell(event);
    for (const datagram of manager.take())
      for (const line of datagram.split("\n")) expect(line).toMatch(/^[A-Z_]+=[^\p{Cc}]+$/u);
  });

  test("the watchdog is fed while steps come, through waits that tell themselves, and not when the loop hangs", async () => {
    const manager = receiver();
    const { tell, clock } = notify(manager, { silenceMs: 1_000 }, 40);
    const pings = async (): Promise<boolean> => {
      manager.take();
      await Bun.sleep(90);
      return manager.take().some((datagram) => datagram.includes("WATCHDOG=1"));
    };
    clock.ms = 3_600_000;
    expect(await pings()).toBe(true); // Not ready: the start has its own limit.
    tell(body("run"));
    expect(await pings()).toBe(true);
    clock.ms += 12_000; // 10 s of asking, 1 s of silence.
    expect(await pings()).toBe(false);
    expect(lines.filter((line) => line.includes("does not get on"))).toHaveLength(1);
    tell(forwardBody({ outcome: "skipped", reason: "outage" }));
    expect(await pings()).toBe(true);
    clock.ms += 12_000;
    tell(body("weights"));
    tell(body("disk"));
    tell(chainBody("upgraded"));
    expect(await pings()).toBe(false); // Duties go on while the passes hang.
    tell({ ...stepBodyOf(2), step_length: 20 } as EventBody);
    clock.ms += 60_000; // A step may take three times what one took.
    expect(await pings()).toBe(true);
    clock.ms += 20_000;
    expect(await pings()).toBe(false);
  });

  test("the watchdog is not fed when steps go on and no block comes, unless the connection knows", async () => {
    const manager = receiver();
    const { tell, clock } = notify(manager, { silenceMs: 1_000 }, 40);
    const pings = async (): Promise<boolean> => {
      manager.take();
      await Bun.sleep(90);
      return manager.take().some((datagram) => datagram.includes("WATCHDOG=1"));
    };
    tell(body("run"), 5);
    clock.ms += 181_000;
    tell(stepBodyOf(2), 5);
    expect(await pings()).toBe(false);
    expect(manager.lines()).toContain("STATUS=Does not get on: no blocks");
    tell(chainBody("lost"), 5);
    expect(await pings()).toBe(true);
    tell(chainBody("connected"), 5);
    expect(await pings()).toBe(true);
    clock.ms += 181_000;
    tell(stepBodyOf(2), 6);
    expect(await pings()).toBe(true);
  });

  test("READY that finds a full queue comes later", async () => {
    const manager = receiver();
    const { tell } = notify(manager);
    const flood = openNotifySocket(manager.name);
    open.push(flood);
    while (flood.send("X=1"));
    tell(body("run"));
    expect(manager.take().some((datagram) => datagram.includes("READY=1"))).toBe(false);
    await manager.until(/^READY=1$/, 5_000);
    expect(lines.filter((line) => line.includes("does not take a message"))).toHaveLength(1);
  });

  test("a socket that cannot be used is told once and changes nothing", () => {
    const { made } = notify({ name: "nonsense" } as Receiver);
    expect(made).toBeUndefined();
    expect(lines.join("")).toContain("The service manager cannot be told how this validator is");
  });
});

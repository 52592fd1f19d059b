import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const START_TIMEOUT_MS = 20_000;

/** The browser of this machine; undefined where there is none. */
export const CHROMIUM = NAMES.map((name) => Bun.which(name)).find((path) => path !== null) ?? undefined;

export interface View {
  width: number;
  height: number;
  scheme: "light" | "dark";
}

interface Message {
  id?: number;
  method?: string;
  params?: Told;
  result?: Record<string, unknown>;
  error?: { message: string };
}
/** What of the protocol's events is read here. */
interface Told {
  request?: { url: string };
  exceptionDetails?: unknown;
  type?: string;
  args?: unknown;
  entry?: { level: string };
}

export interface AccessibleNode {
  role: string | undefined;
  name: string | undefined;
  isFocusable: boolean | undefined;
}

/** A page in a headless Chromium, driven by its DevTools protocol. */
export class BrowserPage implements AsyncDisposable {
  /** Errors on the console and exceptions. */
  readonly errors: string[] = [];
  /** Addresses that the page asked for. */
  readonly requests: string[] = [];
  readonly #process: Bun.Subprocess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  #next = 1;

  private constructor(process: Bun.Subprocess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(String(data)));
  }

  static async open(view: View): Promise<BrowserPage> {
    const profile = mkdtempSync(join(tmpdir(), "chromium-"));
    const flags = [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
    ];
    const quiet = [
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-default-browser-check",
    ];
    const process = Bun.spawn(
      [
        CHROMIUM!,
        ...flags,
        ...quiet,
        `--user-data-dir=${profile}`,
        "--remote-debugging-port=0",
        "about:blank",
      ],
      { stdout: "ignore", stderr: "ignore", env: { ...Bun.env, HOME: profile } },
    );
    const port = await portIn(profile);
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
      type: string;
      webSocketDebuggerUrl: string;
    }[];
    const socket = new WebSocket(targets.find(({ type }) => type === "page")!.webSocketDebuggerUrl);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    const page = new BrowserPage(process, profile, socket);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    await page.look(view);
    return page;
  }

  async look({ width, height, scheme }: View): Promise<void> {
    await this.send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
    await this.send("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: scheme }],
    });
  }

  /** Errors and requests of pages before count no more. */
  forget(): void {
    this.errors.length = 0;
    this.requests.length = 0;
  }

  async go(url: string): Promise<void> {
    await this.send("Page.navigate", { url });
  }

  /** The value of an expression in the page. */
  async value<T>(expression: string): Promise<T> {
    const answer = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    const { result, exceptionDetails } = answer as { result: { value: T }; exceptionDetails?: unknown };
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  /** Waits, at each frame of the page, until the expression is true in it. */
  async until(expression: string, timeoutMs = 15_000): Promise<void> {
    const wait = `new Promise((resolve, reject) => {
      const end = Date.now() + ${timeoutMs};
      const look = () => {
        try { if (${expression}) return resolve(true); } catch (error) { if (Date.now() > end) return reject(error); }
        if (Date.now() > end) return reject(new Error("never true: " + ${JSON.stringify(expression)}));
        setTimeout(look, 20);
      };
      look();
    })`;
    await this.value(wait);
  }

  async press(key: string): Promise<void> {
    const text = key === "Enter" ? "\r" : key.length === 1 ? key : undefined;
    const code = { Enter: 13, Tab: 9, Escape: 27 }[key];
    const common = { key, ...(code && { windowsVirtualKeyCode: code, code: key }) };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...common, ...(text && { text }) });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...common });
  }

  async screenshot(path: string, isWhole = false): Promise<void> {
    const { data } = (await this.send("Page.captureScreenshot", {
      format: "png",
      captureBeyondViewport: isWhole,
    })) as {
      data: string;
    };
    await Bun.write(path, Buffer.from(data, "base64"));
  }

  /** What a screen reader is told of. */
  async accessible(): Promise<AccessibleNode[]> {
    const { nodes } = (await this.send("Accessibility.getFullAXTree")) as {
      nodes: {
        ignored: boolean;
        role?: { value: string };
        name?: { value: string };
        properties?: { name: string; value: { value: unknown } }[];
      }[];
    };
    return nodes
      .filter(({ ignored }) => !ignored)
      .map(({ role, name, properties }) => ({
        role: role?.value,
        name: name?.value,
        isFocusable: properties?.some(
          (property) => property.name === "focusable" && property.value.value === true,
        ),
      }));
  }

  send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = this.#next++;
    const answer = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return answer.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  #receive({ id, method, params, result, error }: Message): void {
    if (id !== undefined) {
      const answer = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) answer?.reject(new Error(error.message));
      else answer?.resolve(result ?? {});
      return;
    }
    const { request, exceptionDetails, type, args, entry } = params ?? {};
    if (method === "Network.requestWillBeSent") this.requests.push(request!.url);
    if (method === "Runtime.exceptionThrown") this.errors.push(JSON.stringify(exceptionDetails));
    if (method === "Runtime.consoleAPICalled" && type === "error") this.errors.push(JSON.stringify(args));
    if (method === "Log.entryAdded" && entry!.level === "error") this.errors.push(JSON.stringify(entry));
  }
}

/** The port that a starting browser chose. */
async function portIn(profile: string): Promise<number> {
  const path = join(profile, "DevToolsActivePort");
  const end = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < end) {
    const [port] = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
    if (port) return Number(port);
    await Bun.sleep(50);
  }
  throw new Error("Chromium does not start");
}

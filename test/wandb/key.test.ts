import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sdk from "@wandb/sdk/package.json" with { type: "json" };
import { amdGpus, readNvidia, SystemMetrics } from "../../src/telemetry/wandb/system-metrics.ts";
import { findKey, pageUrl, saveKey, wandbUrl } from "../../src/wandb/key.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("wandb-key");
const URL_OF_ALL = "https://api.wandb.ai";

test("the SDK is the one whose faults the gateway makes up for", () => {
  expect(sdk.version).toBe("0.5.1");
});

test("a key comes of a credential, then of the environment, then of netrc", () => {
  const home = folder();
  const environment: Record<string, string> = { HOME: home };
  expect(findKey(environment, URL_OF_ALL)).toBeUndefined();
  writeFileSync(
    join(home, ".netrc"),
    "machine github.com login a password b\nmachine api.wandb.ai\n\tlogin user\n\tpassword from#netrc\n",
  );
  expect(findKey(environment, URL_OF_ALL)?.key).toBe("from#netrc");
  environment.WANDB_API_KEY = "from-environment";
  expect(findKey(environment, URL_OF_ALL)?.key).toBe("from-environment");
  environment.CREDENTIALS_DIRECTORY = home;
  expect(findKey(environment, URL_OF_ALL)?.key).toBe("from-environment");
  writeFileSync(join(home, "wandb-api-key"), "from-credential\n");
  expect(findKey(environment, URL_OF_ALL)?.key).toBe("from-credential");
});

test("saving a key leaves other entries as they are, and nobody else can read it", () => {
  const path = join(folder(), ".netrc");
  saveKey(path, URL_OF_ALL, "first");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  writeFileSync(
    path,
    "# mine\nmachine a.example login x password y\nmachine api.wandb.ai login user password old\nmachine b.example\n  login z\n  password w",
    { mode: 0o644 },
  );
  saveKey(path, URL_OF_ALL, "new");
  expect(readFileSync(path, "utf8")).toBe(
    "# mine\nmachine a.example login x password y\nmachine b.example\n  login z\n  password w\nmachine api.wandb.ai\n  login user\n  password new\n",
  );
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(findKey({ NETRC: path }, URL_OF_ALL)?.key).toBe("new");
});

test("pages of the public server and of one's own", () => {
  const at = { entity: "e", project: "p" };
  expect(pageUrl(wandbUrl({}), at, "i")).toBe("https://wandb.ai/e/p/runs/i");
  expect(pageUrl(wandbUrl({ WANDB_BASE_URL: "http://host:8080/" }), at, "i")).toBe(
    "http://host:8080/e/p/runs/i",
  );
});

test("figures of this machine have the names of the Python client", async () => {
  const row = await new SystemMetrics(folder()).sample();
  for (const name of [
    "cpu",
    "proc.memory.rssMB",
    "proc.memory.percent",
    "memory_percent",
    "disk./.usagePercent",
  ])
    expect(row[`system.${name}`]).toBeNumber();
});

test("figures of NVIDIA GPUs, with what one of them has not", () => {
  const found = readNvidia(
    "50, 10, 2048, 8192, 61, 75.5, 151, 1500, 7000, 1500, [N/A]\n0, 0, 0, 8192, 30, [N/A], [N/A], 100, 100, 100, 40\n",
  );
  expect(found).toMatchObject({
    "gpu.0.gpu": 50,
    "gpu.0.memoryAllocated": 25,
    "gpu.0.memoryAllocatedBytes": 2048 * 1048576,
    "gpu.0.powerPercent": 50,
    "gpu.1.temp": 30,
    "gpu.1.fanSpeed": 40,
  });
  expect("gpu.0.fanSpeed" in found).toBe(false);
  expect("gpu.1.powerWatts" in found).toBe(false);
});

test("figures of AMD GPUs", () => {
  const root = folder();
  const device = join(root, "card1", "device");
  mkdirSync(join(device, "hwmon", "hwmon3"), { recursive: true });
  mkdirSync(join(root, "card0", "device"), { recursive: true });
  const files = {
    gpu_busy_percent: "42",
    mem_info_vram_used: "512",
    mem_info_vram_total: "1024",
    "hwmon/hwmon3/temp1_input": "55000",
    "hwmon/hwmon3/power1_average": "60000000",
    "hwmon/hwmon3/power1_cap": "120000000",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(device, name), `${text}\n`);
  expect(amdGpus(root)).toEqual({
    "gpu.0.gpu": 42,
    "gpu.0.memoryAllocated": 50,
    "gpu.0.temp": 55,
    "gpu.0.powerWatts": 60,
    "gpu.0.powerPercent": 50,
  });
});

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LayerDuty } from "../../src/validator/layer-duty.ts";
import { runValidator } from "../../src/validator/validator.ts";
import { FACTS, IDENTITY, openSession } from "../fakes/run.ts";
import { FakeChain, fakeModules, SETTINGS } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("layer");
const FILE = "gating_linear_layer.safetensors";

test("the layer is written once an epoch while it changes, and told with its hash", async () => {
  const chain = new FakeChain();
  const directory = folder();
  const settings = { showsLayer: true, epochBlocks: 20 };
  const { session, modules, events } = await openSession(chain, { directory, settings });
  const duty = new LayerDuty(session);
  const told = () => events.filter(({ kind }) => kind === "gating");
  expect(duty.isDue(chain.head())).toBe(false);
  chain.block += 20;
  expect(duty.isDue(chain.head())).toBe(true);
  await duty.run(chain.head());
  expect(told()).toEqual([]);

  modules.router.trained.push([1, 2]);
  await duty.run(chain.head());
  expect(duty.isDue(chain.head())).toBe(false);
  const bytes = readFileSync(join(directory, FILE));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  expect(told()).toEqual([
    expect.objectContaining({ file: FILE, sha256, bytes: 2, encoder: "words", hidden: 2, trained: 1 }),
  ]);
  await duty.run(chain.head());
  expect(told().length).toBe(1);
  modules.router.trained.push([1]);
  await duty.tell();
  expect(told().length).toBe(2);
  expect(readFileSync(join(directory, FILE))[0]).toBe(2);
});

test.each([true, false])("shown: %p, the layer is told at the end of a run, or never", async (showsLayer) => {
  const directory = folder();
  const { modules, events } = fakeModules(new FakeChain());
  await runValidator({
    settings: { ...SETTINGS, showsLayer },
    identity: IDENTITY,
    modules,
    facts: FACTS,
    stateDirectory: directory,
    signal: new AbortController().signal,
  });
  const layers = events.filter(({ kind }) => kind === "gating");
  expect(layers.length).toBe(showsLayer ? 1 : 0);
  expect(existsSync(join(directory, FILE))).toBe(showsLayer);
  if (showsLayer) expect(layers[0]).toMatchObject({ trained: modules.router.trained.length });
});

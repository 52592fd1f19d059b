import { startAxon } from "../../src/localnet/miners/axon.ts";
import { hashText, seededRandom } from "../../src/localnet/miners/random.ts";
import { parsePrompt } from "../../src/prompts/templates.ts";
import { createWallet } from "../../src/wallet/create.ts";
import { builtBinary, runCommand, type Scratch, scratch } from "../binary/built.ts";
import { type JournalEvent, readEvents, startSubnet, stepsOf } from "../binary/subnet.ts";
import { GIBBERISH } from "./incentive/attackers.ts";
import { mean } from "./incentive/measures.ts";
import type { BenchRow } from "./row.ts";

/** What once earned up to four times a good answer. */
const CHEATS = ["shuffled words", "leading words, 60 % drawn", "echo less two words", "frequent words"];
const GOOD_MINERS = 10;
/** Five passes of nine steps. */
const STEPS = 45;
const FORWARDS = 5;
/** A pass whose best answer is too poor ends early; then another run makes up for it. */
const MOST_RUNS = 3;
/** The chain itself refuses 127.0.0.1, and this is the same machine. */
const HOST = "127.0.0.2";

interface Step {
  name: string;
  forward: string;
  best: string;
  cheat: number;
  good: number;
  isWonByCheat: boolean;
}

/**
 * One cheater at a time among ten good miners, judged by the built program on a local subnet of its own: what it earns beside
 * them, how often it is the best, and for people to read, three chains of thought.
 */
export async function benchCheaters(): Promise<BenchRow[]> {
  const binary = await builtBinary();
  const rows: BenchRow[] = [];
  const chains: string[] = [];
  for (const cheat of CHEATS) {
    process.stderr.write(`  ${cheat} …\n`);
    const steps = await play(binary, cheat);
    const [cheats, good] = [mean(steps.map((step) => step.cheat)), mean(steps.map((step) => step.good))];
    rows.push(
      { name: `${cheat}: mean reward of ${steps.length} steps`, value: cheats, unit: "" },
      { name: `${cheat}: mean reward of the good miners`, value: good, unit: "" },
      { name: `${cheat}: part of a good miner's`, value: cheats / good, unit: "", goal: "≤ 0.05" },
      {
        name: `${cheat}: steps won`,
        value: steps.filter((step) => step.isWonByCheat).length,
        unit: "",
        goal: "0",
      },
    );
    chains.push(chainOf(steps));
  }
  process.stdout.write(`${chains.slice(0, 3).join("\n")}\n`);
  return rows;
}

async function play(binary: string, cheat: string): Promise<Step[]> {
  const place = scratch();
  const subnet = await startSubnet([binary], place, [
    ...["--miners", String(GOOD_MINERS), "--characters", "good", "--block-time", "0.5"],
  ]);
  const { hotkey } = await createWallet(place.directory, "cheater", "cheater");
  const axon = startAxon({
    hotkey,
    host: HOST,
    port: 0,
    behave: async ({ prompt }) => ({ kind: "completion", text: say(cheat, prompt) }),
  });
  try {
    const endpoint = ["--endpoint", subnet.endpoint];
    await done([binary, "localnet", "register", hotkey, ...endpoint], place);
    await done([binary, "localnet", "serve", hotkey, `${HOST}:${axon.port}`, ...endpoint], place);
    let steps: Step[] = [];
    for (let run = 0; run < MOST_RUNS && steps.length < STEPS; run++) {
      await done(
        [
          ...[binary, ...subnet.runArguments, "--wandb.off", "--neuron.device", "cpu"],
          ...["--run.forwards", String(FORWARDS)],
        ],
        place,
      );
      steps = stepsOf(readEvents(place.root)).map((event) => readStep(event, hotkey));
    }
    return steps.slice(0, STEPS);
  } finally {
    await axon.stop();
    await subnet.running.stop();
    place.remove();
  }
}

function say(cheat: string, prompt: string): string {
  const parts = parsePrompt(prompt);
  if (parts === null) throw new Error(`a prompt that cannot be read: ${prompt}`);
  return GIBBERISH[cheat]!({ prompt, parts }, seededRandom(hashText(prompt)));
}

async function done(command: readonly string[], place: Scratch): Promise<void> {
  const { code, stderr } = await runCommand(command, place);
  if (code !== 0) throw new Error(`${command.slice(1, 3).join(" ")} ended with ${code}: ${stderr}`);
}

/** @throws Error for a step in which the cheater was not asked, or did not answer */
function readStep(event: JournalEvent, hotkey: string): Step {
  const { hotkeys, rewards, completions, best } = event as unknown as {
    hotkeys: string[];
    rewards: number[];
    completions: string[];
    best: string;
  };
  const at = hotkeys.indexOf(hotkey);
  if (!completions[at]) throw new Error(`the cheater gave no answer in step ${event.step}`);
  const others = rewards.filter((_, other) => other !== at);
  return {
    name: String(event.name),
    forward: String(event.forward),
    best,
    cheat: rewards[at]!,
    good: mean(others),
    isWonByCheat: rewards[at]! >= Math.max(...others),
  };
}

/** The best answers of the last pass, as prompts grow out of them. */
function chainOf(steps: readonly Step[]): string {
  const last = steps.at(-1)?.forward;
  return steps
    .filter(({ forward }) => forward === last)
    .map(({ name, best }) => `${name.padEnd(10)} ${best.replace(/\s+/g, " ")}\n`)
    .join("");
}

import { Counter, Gauge, type Registry } from "prom-client";
import { ALERTS, type Status } from "./status.ts";

type Reading = (status: Status) => number | boolean | null;

/** Gauges without labels: what they say, and how they are read off the picture. null = no sample. */
const GAUGES: Readonly<Record<string, { help: string; of: Reading }>> = {
  healthy: { help: "1 while nothing critical is wrong.", of: ({ healthy }) => healthy },
  permit: { help: "1 while this hotkey holds a validator permit.", of: ({ permit }) => permit },
  stake_tao: { help: "Stake behind this hotkey at the start, TAO.", of: ({ stakeTao }) => stakeTao },
  uid: { help: "Uid of this validator.", of: ({ uid }) => uid },
  chain_connected: {
    help: "1 while there is a connection to a node that is level with its chain.",
    of: ({ chain }) => (chain.state === "unknown" ? null : chain.state === "connected"),
  },
  chain_head_block: { help: "Head of the chain.", of: ({ chain }) => chain.head },
  chain_head_age_seconds: { help: "Since the head was seen to move.", of: ({ chain }) => chain.headAgeS },
  chain_final: {
    help: "0 while the chain's blocks do not become final.",
    of: ({ chain }) => chain.notFinal === null,
  },
  clock_skew_seconds: {
    help: "How far this machine's clock was ahead of the chain's when it was last told of; none while it agreed.",
    of: ({ chain }) => chain.skewS,
  },
  step_number: { help: "Steps since the state was made.", of: ({ steps }) => steps.number },
  steps_per_minute: { help: "Over the last ten minutes.", of: ({ steps }) => steps.perMinute },
  answer_ratio: {
    help: "Share of calls answered in the last 20 counted steps.",
    of: ({ answerRate }) => answerRate,
  },
  usual_answer_ratio: {
    help: "The same over up to 200 steps before.",
    of: ({ usualAnswerRate }) => usualAnswerRate,
  },
  miners_known: { help: "Uids of the subnet that are known.", of: ({ miners }) => miners.length },
  weights_enabled: { help: "0 = this validator never sets weights.", of: ({ weights }) => weights.isEnabled },
  weights_last_block: { help: "Block of the last weights on chain.", of: ({ weights }) => weights.lastBlock },
  weights_next_block: { help: "Block in which the next are due.", of: ({ weights }) => weights.nextBlock },
  weights_epoch_blocks: { help: "Blocks between two submissions.", of: ({ weights }) => weights.epochBlocks },
  reveal_pending: {
    help: "1 while a commit waits to be revealed.",
    of: ({ reveal }) => reveal.state === "pending",
  },
  disk_free_bytes: { help: "Free space under the state folder.", of: ({ disk }) => disk.freeBytes },
  journal_written: {
    help: "0 while the journal cannot be written.",
    of: ({ disk }) => disk.journal === "ok",
  },
  update_available: {
    help: "1 while a newer release is known of and not in place.",
    of: ({ update }) => update && update.available !== null,
  },
  update_pending: {
    help: "1 while a release is in place and has not shown yet that it is well.",
    of: ({ update }) => update && update.onTrial !== null,
  },
  update_failing: {
    help: "1 while the last look for a release, or its installation, failed.",
    of: ({ update }) => update && update.failure !== null,
  },
  update_check_age_seconds: {
    help: "Since a server last answered a look for a release.",
    of: ({ update, at }) =>
      update?.answeredAt == null
        ? null
        : Math.max(0, (Date.parse(at) - Date.parse(update.answeredAt)) / 1000),
  },
  gating_loss: { help: "Loss of the router at its last training.", of: ({ gatingLoss }) => gatingLoss },
};

interface GaugeSources {
  status(): Status;
  perUid: boolean;
}

/** Registers the gauges; all are read off one picture, which is taken when they are scraped. */
export function setGauges(registry: Registry, { status, perUid }: GaugeSources): void {
  let picture: Status | undefined;
  // The gauges are read in the order in which they were made: the first takes the picture for all.
  gauge("build_info", "Always 1; labels say what runs.", ["version", "commit"], (made) => {
    picture = status();
    made.set({ version: picture.version ?? "", commit: picture.commit ?? "" }, 1);
  });
  for (const [name, { help, of }] of Object.entries(GAUGES))
    gauge(name, help, [], (made) => {
      const value = of(picture!);
      if (value !== null) made.set(Number(value));
    });
  gauge("alert", "1 while the alert is up.", ["alert"], (made) => {
    const up = new Set(picture!.alerts.map(({ name }) => name));
    for (const alert of ALERTS) made.set({ alert }, Number(up.has(alert)));
  });
  gauge("model_up", "1 while a model can serve.", ["model", "device"], (made) => {
    for (const { id, device, state } of picture!.models)
      made.set({ model: id, device: device ?? "" }, Number(state !== "lost" && state !== "left-out"));
  });
  new Counter({
    name: "openvalidator_update_rollbacks_total",
    help: "Releases that were taken back on this machine, as far as its record goes back.",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(picture!.update?.rollbacks ?? 0);
    },
  });
  if (!perUid) return;
  for (const [name, help, field] of [
    ["miner_score", "Moving score at the last checkpoint.", "score"],
    ["miner_reward", "Mean reward of the last 20 answers.", "reward"],
    ["miner_latency_seconds", "Mean time of the last 20 calls.", "latency"],
  ] as const)
    gauge(name, help, ["uid"], (made) => {
      for (const miner of picture!.miners)
        if (miner[field] !== null) made.set({ uid: String(miner.uid) }, miner[field]);
    });

  function gauge(name: string, help: string, labelNames: string[], read: (made: Gauge) => void): void {
    new Gauge({
      name: `openvalidator_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        // What is not set anew is gone: a model that was replaced, a uid that is no more.
        this.reset();
        if (labelNames.length === 0) this.remove();
        read(this);
      },
    });
  }
}

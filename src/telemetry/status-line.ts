import { counted, printable } from "../base/text.ts";
import type { Event, EventOf } from "../events/schema.ts";
import { answeredIn, meanRewardIn } from "../events/step-figures.ts";

/** `systemctl status` shows one line. */
const MAX_CHARACTERS = 240;

/** The state of a validator in one line, from its events; nothing that a miner wrote is in it. */
export class StatusLine {
  #phase: "starting" | "running" | "stopping" = "starting";
  #models = 0;
  #doing = "";
  #step = "";
  #weights = "";
  /** What is wrong at the moment, by the kind that tells it. */
  readonly #troubles = new Map<string, string>();

  note(event: Event): void {
    switch (event.kind) {
      case "run":
        this.#phase = "running";
        this.#doing = `uid ${event.uid} of subnet ${event.netuid}`;
        break;
      case "stop":
        this.#phase = "stopping";
        this.#doing = event.reason;
        break;
      case "model":
        this.#noteModel(event);
        break;
      case "step":
        this.#step = stepText(event);
        break;
      case "forward":
        this.#trouble("forward", event.outcome === "ended" ? undefined : forwardText(event));
        break;
      case "miners":
        this.#trouble("miners", event.state === "outage" ? (event.cause ?? "no miner answers") : undefined);
        break;
      case "weights":
        this.#weights = weightsText(event) ?? this.#weights;
        break;
      case "chain":
        this.#noteChain(event);
        break;
      case "disk":
        this.#noteDisk(event.state);
        break;
      case "update":
        this.#noteUpdate(event);
    }
  }

  stop(): void {
    this.#phase = "stopping";
    this.#doing = "signal";
  }

  get text(): string {
    const troubles = [...this.#troubles.values()];
    if (this.#phase === "stopping") return line([`Stopping (${this.#doing})`, this.#step]);
    if (this.#phase === "starting") return line(["Starting", this.#doing, ...troubles]);
    return line([...troubles, this.#step || `Running as ${this.#doing}`, this.#weights]);
  }

  #trouble(what: string, text: string | undefined): void {
    if (text === undefined) this.#troubles.delete(what);
    else this.#troubles.set(what, text);
  }

  #noteModel({ state, model }: EventOf<"model">): void {
    if (state === "loaded") this.#models++;
    if (this.#phase === "starting") this.#doing = `${counted(this.#models, "model")} loaded, last ${model}`;
    if (state === "lost") this.#trouble(`model ${model}`, `model ${model} lost`);
    if (state === "restarted" || state === "loaded") this.#trouble(`model ${model}`, undefined);
  }

  #noteChain({ state, endpoint, value }: EventOf<"chain">): void {
    if (state === "lost") this.#trouble("chain", "chain lost");
    if (state === "lagging") this.#trouble("chain", "chain lags");
    if (state === "connected" || state === "switched" || state === "caught-up") {
      this.#trouble("chain", undefined);
      if (this.#phase === "starting") this.#doing = `connected to ${endpoint ?? "the chain"}`;
    }
    if (state === "finality")
      this.#trouble("finality", value === 0 ? undefined : "chain's blocks do not become final");
    if (state === "permit") this.#trouble("permit", value === 1 ? undefined : "no validator permit");
  }

  #noteUpdate({ state, from, on_trial: onTrial }: EventOf<"update">): void {
    if (state === "rolled-back") this.#trouble("release", `release ${from} taken back`);
    if (state === "installed" || state === "confirmed") this.#trouble("release", undefined);
    this.#trouble("trial", onTrial === null ? undefined : `release ${onTrial} on trial`);
  }

  #noteDisk(state: EventOf<"disk">["state"]): void {
    if (state === "low" || state === "full") this.#trouble("disk", `disk ${state}`);
    if (state === "ok") this.#trouble("disk", undefined);
    for (const part of ["journal", "state"]) {
      if (state === `${part}-lost` || state === `${part}-full`) this.#trouble(part, `${part} not written`);
      if (state === `${part}-back`) this.#trouble(part, undefined);
    }
  }
}

function line(parts: readonly string[]): string {
  return printable(parts.filter((part) => part !== "").join(" · "), MAX_CHARACTERS);
}

function stepText(event: EventOf<"step">): string {
  const { step, name, uids } = event;
  const mean = meanRewardIn(event).toFixed(3);
  return `step ${step} ${name}: ${answeredIn(event)} of ${uids.length} answered, mean reward ${mean}`;
}

function forwardText({ outcome, reason }: EventOf<"forward">): string {
  return `forward pass ${outcome}${reason === null ? "" : `: ${reason}`}`;
}

function weightsText({ state, block, reason, blocks_left }: EventOf<"weights">): string | undefined {
  if (state === "included") return `weights set in block ${block}`;
  if (state === "refused") return "weights refused";
  if (state !== "waiting") return undefined;
  return `weights wait${reason === null ? "" : ` for ${reason}`}${blocks_left === null ? "" : ` (${blocks_left} blocks)`}`;
}

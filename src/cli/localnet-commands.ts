import {
  LOCALNET_ASK_OPTIONS,
  LOCALNET_CONTROL_OPTIONS,
  LOCALNET_OPTIONS,
} from "../config/localnet-options.ts";
import { LOG_OPTIONS } from "../config/options.ts";
import type { Command } from "./command.ts";

const CONTROL = { ...LOCALNET_CONTROL_OPTIONS, ...LOG_OPTIONS };

/** The subnet on this machine, and what can be done to it while it runs. */
export const LOCALNET_COMMANDS: readonly Command[] = [
  {
    path: ["localnet"],
    runsUntilStopped: true,
    summary: "Start a subnet on this machine: a chain node and miners.",
    table: { ...LOCALNET_OPTIONS, ...LOG_OPTIONS },
    examples: [
      "openvalidator localnet --miners 16 --block-time 0.5",
      "openvalidator localnet --endpoints 2 --fault cut:5%,finality-stall",
      "openvalidator localnet --uids 4096 --epochs modulo --until-block 1000",
    ],
    load: async () => (await import("./commands/localnet.ts")).localnet,
  },
  {
    path: ["localnet", "miners"],
    summary: "List the neurons of a running localnet.",
    table: CONTROL,
    switches: { json: "Print JSON." },
    load: async () => (await import("./commands/localnet-control.ts")).listNeurons,
  },
  {
    path: ["localnet", "ask"],
    summary: "Ask miners of a running localnet once, as its validator would; all when none is named.",
    table: { ...CONTROL, ...LOCALNET_ASK_OPTIONS },
    switches: { json: "Print JSON." },
    words: { hint: "[UID…]", min: 0, max: 64 },
    examples: ["openvalidator localnet ask", "openvalidator localnet ask 17 --prompt 'Why is the sky blue?'"],
    load: async () => (await import("./commands/localnet-ask.ts")).askOnce,
  },
  {
    path: ["localnet", "register"],
    summary: "Register a hotkey for nothing; in a full subnet the weakest neuron makes room.",
    table: CONTROL,
    words: { hint: "HOTKEY [COLDKEY]", min: 1, max: 2 },
    examples: ["openvalidator localnet register 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"],
    load: async () => (await import("./commands/localnet-control.ts")).registerNeuron,
  },
  {
    path: ["localnet", "serve"],
    summary: "Write on chain where a miner listens, also on 127.0.0.1, which the chain's own call refuses.",
    table: CONTROL,
    words: { hint: "HOTKEY IP:PORT", min: 2, max: 2 },
    examples: [
      "openvalidator localnet serve 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY 127.0.0.1:8091",
    ],
    load: async () => (await import("./commands/localnet-control.ts")).serveNeuron,
  },
  {
    path: ["localnet", "set"],
    summary: "Turn one thing of a running localnet; without a name, list what there is.",
    table: CONTROL,
    words: { hint: "[NAME [VALUE…]]", min: 0, max: 8 },
    examples: [
      "openvalidator localnet set stake 3 5000",
      "openvalidator localnet set pause && openvalidator localnet set step 10",
    ],
    load: async () => (await import("./commands/localnet-control.ts")).setLocalnet,
  },
  {
    path: ["localnet", "fault"],
    summary: "Make a running localnet fail in ways that have names; without one, list them.",
    table: CONTROL,
    switches: { off: "Take these faults away, or all of them.", json: "Print JSON." },
    words: { hint: "[FAULT…]", min: 0, max: 16 },
    examples: [
      "openvalidator localnet fault hang",
      "openvalidator localnet fault cut:state_call:10% lag:50 --endpoint ws://127.0.0.1:9945",
      "openvalidator localnet fault set_weights:SettingWeightsTooFast:3",
      "openvalidator localnet fault --off",
    ],
    load: async () => (await import("./commands/localnet-control.ts")).faultLocalnet,
  },
];

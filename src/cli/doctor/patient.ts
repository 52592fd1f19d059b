import type { Hotkey } from "../../base/units.ts";
import type { ConfigSources } from "../../config/load.ts";
import type { Settings } from "../../config/options.ts";
import { expandPath, stateDirectory } from "../../config/paths.ts";
import { readHotkeyCredential, readPublicHotkey } from "../../wallet/keyfile.ts";
import { hotkeyCredential } from "../open-signer.ts";
import { type ChosenProfile, chooseProfile } from "./chosen-profile.ts";
import { Nodes } from "./nodes.ts";
import { SubnetView } from "./subnet-view.ts";

export interface PatientOptions {
  settings: Settings;
  /** As StartOptions.networkWins of validator/compose.ts. */
  networkWins: boolean;
  environment: ConfigSources["environment"];
  signal: AbortSignal;
  isOffline: boolean;
  isDeep: boolean;
  /** A person could type a password. */
  hasTerminal: boolean;
  /** Milliseconds since 1970. */
  wallMs?: () => number;
}

/** The validator that is looked at. What several checks need is found out once, by the first that asks. */
export class Patient {
  readonly settings: Settings;
  readonly environment: ConfigSources["environment"];
  readonly signal: AbortSignal;
  readonly isOffline: boolean;
  readonly isDeep: boolean;
  readonly hasTerminal: boolean;
  readonly nodes: Nodes;
  readonly subnet: SubnetView;
  #hotkey: Promise<Hotkey | undefined> | undefined;
  #profile: Promise<ChosenProfile> | undefined;

  constructor(options: PatientOptions) {
    this.settings = options.settings;
    this.environment = options.environment;
    this.signal = options.signal;
    this.isOffline = options.isOffline;
    this.isDeep = options.isDeep;
    this.hasTerminal = options.hasTerminal;
    this.nodes = new Nodes(options.settings, {
      networkWins: options.networkWins,
      signal: options.signal,
      wallMs: options.wallMs ?? Date.now,
    });
    this.subnet = new SubnetView(this.nodes, options.settings.netuid);
  }

  /** @throws Failure `config.no-home`, `config.no-directory` */
  get stateDirectory(): string {
    return stateDirectory(this.settings);
  }

  /** The hotkey's file where the service manager hands it over. */
  get credential(): string | undefined {
    return hotkeyCredential(this.environment);
  }

  /** Address of the hotkey; undefined where the wallet does not tell it, which the wallet's own checks say. */
  hotkey(): Promise<Hotkey | undefined> {
    this.#hotkey ??= this.#readHotkey();
    return this.#hotkey;
  }

  /** What a run scores with. @throws Failure `chain.bad-endpoint` */
  profile(): Promise<ChosenProfile> {
    this.#profile ??= chooseProfile(this);
    return this.#profile;
  }

  async #readHotkey(): Promise<Hotkey | undefined> {
    const { walletPath, walletName, walletHotkey } = this.settings;
    try {
      if (this.credential !== undefined) {
        const secret = await readHotkeyCredential(this.credential, { signal: this.signal });
        secret.take().fill(0);
        return secret.address;
      }
      return (await readPublicHotkey(expandPath(walletPath), walletName, walletHotkey)).hotkey;
    } catch {
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.nodes.close();
  }
}

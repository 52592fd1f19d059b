import type { Subscriber, Subscription } from "./rpc.ts";

/** Subscriptions of one client, whoever carries its messages. */
export abstract class Subscriptions implements Subscriber {
  readonly subscriptions = new Map<string, Subscription>();
  #replays: (() => void)[] = [];
  #lastId = 0;

  /** Sends one notification of a subscription that is open. */
  protected abstract sendNotification(method: string, body: object): void;

  open(subscription: Subscription, replay: () => void): string {
    subscription.id = `s${++this.#lastId}`;
    this.subscriptions.set(subscription.id, subscription);
    this.#replays.push(replay);
    return subscription.id;
  }

  close(id: string): boolean {
    return this.subscriptions.delete(id);
  }

  notify({ id, method }: Subscription, result: unknown): void {
    if (!this.subscriptions.has(id)) return;
    this.sendNotification(method, { jsonrpc: "2.0", method, params: { subscription: id, result } });
  }

  /** First notifications of the subscriptions that the answers just sent have named. */
  replay(): void {
    for (const first of this.#replays.splice(0)) first();
  }
}

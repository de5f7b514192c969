import type { Config } from "../../config/index.ts";
import { Courier, type CourierOptions } from "./courier.ts";
import { EpisodeNotices, type EpisodeOptions, type ToldBeat } from "./episode.ts";
import type { WebhookFigures } from "./figures.ts";

export interface WebhooksOptions extends Pick<CourierOptions, "clock" | "wall_s" | "deadline" | "on_message"> {
  readonly endpoints: Config["webhooks"];
  readonly node: string;
  readonly version: string;
  /** What holds at present of the options of every episode: the dial may move. */
  readonly now: () => Pick<EpisodeOptions, "dry_run" | "last_word_within_s">;
}

/** Alerts of Alertmanager are renewed well before they end by themselves. */
const RENEW_S = 60;

/** Who is told of episodes. */
export class Webhooks {
  readonly #told: readonly { readonly notices: EpisodeNotices; readonly courier: Courier }[];

  constructor({ endpoints, node, version, now, ...rest }: WebhooksOptions) {
    const phase = Number(Bun.hash.crc32(node)) / 2 ** 32;
    this.#told = endpoints.map((endpoint, i) => {
      const renew_s = endpoint.template === "alertmanager" ? RENEW_S : Number.POSITIVE_INFINITY;
      return {
        notices: new EpisodeNotices({
          node,
          min_level: endpoint.min_level,
          renew_s,
          get dry_run() {
            return now().dry_run;
          },
          get last_word_within_s() {
            return now().last_word_within_s;
          },
        }),
        courier: new Courier({ ...rest, endpoint, phase, name: String(i + 1), user_agent: `hosa/${version}` }),
      };
    });
  }

  get figures(): readonly WebhookFigures[] {
    return this.#told.map(({ courier }) => courier.figures);
  }

  /** Notices given up, and targets that got none of their own, over all endpoints. */
  get lost(): { readonly notices: number; readonly targets: number } {
    let [notices, targets] = [0, 0];
    for (const told of this.#told) {
      notices += told.courier.dropped;
      targets += told.notices.untold;
    }
    return { notices, targets };
  }

  /** Why the latest attempts failed, of those endpoints where they did. */
  get trouble(): string {
    return this.#told.flatMap(({ courier }) => (courier.trouble === "" ? [] : [courier.trouble])).join("; ");
  }

  /** Takes note of a beat; only queues. */
  noticed(beat: ToldBeat): void {
    for (const { notices, courier } of this.#told) {
      const notice = notices.note(beat);
      if (notice !== null) courier.push(notice);
    }
  }

  /** Begins attempts that are due. */
  turn(now_ns: number): void {
    for (const { courier } of this.#told) void courier.turn(now_ns);
  }

  /**
   * Tells all endpoints at once, past their queues and levels, within so many seconds. Says what came of it. Whom it did not reach is
   * told later, if the network stays open: where only the taint isolates, it does.
   */
  async last_word(beat: ToldBeat, within_s: number): Promise<{ readonly any: boolean; readonly detail: string }> {
    const told = this.#told.map(({ notices, courier }) => courier.send_first(notices.last_word(beat), within_s));
    const results = await Promise.all(told);
    return { any: results.some(({ ok }) => ok), detail: results.map(({ detail }) => detail).join("; ") };
  }

  /** Hands over what waits, each endpoint in its order and until it fails. Resolves when nothing more can be done. */
  async drain(): Promise<void> {
    await Promise.all(this.#told.map(({ courier }) => courier.drain()));
  }

  /** Says what was not handed over: nobody will any more. */
  close(): void {
    for (const { courier } of this.#told) courier.close();
  }
}

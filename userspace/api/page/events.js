// SPDX-License-Identifier: Apache-2.0
//
// What the balancer has taken down itself: its latest events, and those that happen while somebody looks at them.
import { fetchJson } from "./polling.js";
import { count, duration, plural } from "./text.js";

const SHOWN = 200;

export class Events {
  list = []; // the newest first, as ChangeList shows them
  trouble = null; // why there are none
  #source = null;

  /// `changed()`: there is something else to show.
  constructor(changed) {
    this.changed = changed;
    document.addEventListener("visibilitychange", () => document.hidden && this.close());
  }

  /// Goes on until close().
  async open() {
    if (this.#source) return;
    this.#source = { close() {} }; // one at a time
    try {
      const { events: latest } = await fetchJson(`events?limit=${SHOWN}`);
      this.list = latest.map(asChange).reverse();
      this.trouble = null;
      this.#follow(latest.at(-1)?.id ?? 0);
    } catch (error) {
      this.trouble = error.message;
      this.#source = null;
    }
    this.changed();
  }

  close() {
    this.#source?.close();
    this.#source = null;
  }

  /// The browser connects again by itself, and names the last event that it has.
  #follow(last) {
    this.#source = new EventSource(`events?since=${last}`);
    this.#source.onmessage = ({ data }) => {
      this.list = [asChange(JSON.parse(data)), ...this.list].slice(0, SHOWN);
      this.changed();
    };
  }
}

/// What happened, after whom it happened to; and how bad it is.
const SAID = {
  started: ["has started", "ok"],
  stopped: ["has stopped", "warn"],
  up: ["is up", "ok"],
  down: ["is down", "bad"],
  diagnosed: ["is down, and why is known", "bad"],
  given_up: ["is given up, with its connections", "bad"],
  panic: ["panics: all serve", "bad"],
  panic_over: ["panics no longer", "ok"],
  untried: ["cannot be probed from here", "warn"],
  tried: ["can be probed again", "ok"],
  drained: ["is drained", "drain"],
  undrained: ["is drained no longer", "ok"],
  disabled: ["is disabled", "warn"],
  enabled: ["is enabled", "ok"],
  reloaded: ["is reloaded", "ok"],
  reload_refused: ["is not reloaded", "bad"],
  announced: ["is announced", "ok"],
  not_announced: ["is not announced", "warn"],
  withdrawn: ["is withdrawn", "warn"],
  session_up: ["has a session", "ok"],
  session_down: ["has no session", "bad"],
  settled: ["is settled: no slot moves", "ok"],
  fault: ["forwards nothing", "bad"],
  forwards: ["forwards again", "ok"],
  detached: ["is detached", "bad"],
};

function asChange(event) {
  const { id, at, kind, service, reason, lasted_ms: lasted, uid, cause } = event;
  const [said, mark] = kind === "moved" ? [`moves ${plural(event.slots, "slot")}`, "drain"] : SAID[kind] ?? [kind, "warn"];
  const after = lasted === undefined ? "" : `, after ${duration(lasted / 1000)}`;
  const by = uid !== undefined ? `, by uid ${uid}` : cause ? `, by ${cause}` : "";
  return { id, at: new Date(at), mark, service, text: `${subject(event)} ${said}${after}${by}${reason ? `: ${reason}` : ""}` };
}

function subject({ kind, service, backend, name, vip, peer, count: times = 1 }) {
  const who = backend && name && name !== backend ? `${name} (${backend})` : backend;
  const text = [service, who, vip, peer].filter(Boolean).join(" ");
  if (times > 1) return `${text ? `${text} ` : ""}${count(times)} more of them:`;
  if (text) return text;
  if (kind === "started" || kind === "stopped") return "The agent";
  return kind.startsWith("reload") ? "The configuration" : "This balancer";
}

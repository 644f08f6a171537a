// SPDX-License-Identifier: Apache-2.0
//
// What is known of the balancer: its last status, and what follows from those before it: rates, and backends' histories.
import { movingSlots } from "./changes.js";
import { linkTo, plural } from "./text.js";

/// Answers that a sparkline or a history has room for: three minutes.
const KEPT = 90;

/// Something's values over time; null where nothing is known.
export class Series {
  values = [];

  add(value) {
    this.values.push(value);
    if (this.values.length > KEPT) this.values.shift();
  }
  get last() {
    return this.values.at(-1) ?? null;
  }
  get highest() {
    return Math.max(0, ...this.values);
  }
}

/// How fast a counter grows; null after it began anew.
class Rate extends Series {
  #counter = null;

  count(counter, seconds) {
    const grown = this.#counter === null || counter < this.#counter ? null : counter - this.#counter;
    this.add(grown === null || seconds <= 0 ? null : grown / seconds);
    this.#counter = counter;
  }
}

export class Picture {
  status = null;
  at = 0; // by performance.now()
  packets = new Rate();
  bytes = new Rate();
  dropped = new Rate();
  verdicts = new Map();
  services = new Map();
  backends = new Map(); // of the services whose backends are known, by "service address"

  /// A status that came at that moment. Those of before are not changed.
  take(status, moment) {
    const seconds = (moment - this.at) / 1000;
    if (status.opened) {
      const service = status.services.find(({ name }) => name === status.opened.name);
      if (service) Object.assign(service, { backends: status.opened.backends, leaving: status.opened.leaving });
    }
    for (const service of status.services) {
      rate(this.services, service.name).count(service.packets, seconds);
      if (service.backends) this.#takeBackends(service, seconds);
    }
    forget(this.services, new Set(status.services.map(({ name }) => name)));
    forget(
      this.backends,
      new Set(status.services.flatMap((service) => all(service).map(({ address }) => `${service.name} ${address}`))),
    );
    for (const [name, { packets }] of Object.entries(status.verdicts)) rate(this.verdicts, name).count(packets, seconds);
    this.packets.count(sum(status.services, "packets"), seconds);
    this.bytes.count(sum(status.services, "bytes"), seconds);
    const drops = Object.values(status.verdicts).filter(({ action }) => action === "drop");
    this.dropped.count(sum(drops, "packets"), seconds);
    this.status = status;
    this.at = moment;
  }

  #takeBackends(service, seconds) {
    for (const backend of all(service)) {
      const key = `${service.name} ${backend.address}`;
      if (!this.backends.has(key))
        this.backends.set(key, { rate: new Rate(), states: new Series(), latency: new Series() });
      const known = this.backends.get(key);
      known.rate.count(backend.packets, seconds);
      known.states.add(backend.state);
      known.latency.add(backend.health?.state === "up" ? backend.health.latency_seconds : null);
    }
  }

  backend(service, address) {
    return this.backends.get(`${service.name} ${address}`);
  }
  service(name) {
    return this.status?.services.find((service) => service.name === name);
  }
}

export const all = (service) => [...(service.backends ?? []), ...(service.leaving ?? [])];

const sum = (items, key) => items.reduce((total, item) => total + item[key], 0);

function rate(map, name) {
  if (!map.has(name)) map.set(name, new Rate());
  return map.get(name);
}

function forget(map, names) {
  for (const name of map.keys()) if (!names.has(name)) map.delete(name);
}

/// A service's state in a word: what is worst about it.
export function stateOfService(service) {
  const { configured, serving } = service.backend_counts;
  const health = service.health;
  if (service.fault) return { mark: "bad", word: "Not forwarded", rank: 0, why: service.fault };
  if (configured > 0 && serving === 0) return { mark: "bad", word: "Nobody serves", rank: 0, why: "no backend serves" };
  if (health?.panic) return { mark: "bad", word: "Panic", rank: 1, why: "so many backends are down that all serve" };
  if (health?.untried)
    return { mark: "warn", word: "Not tried", rank: 2, why: `${plural(health.untried, "backend")} cannot be tried from here` };
  if (serving < configured)
    return { mark: "warn", word: "Reduced", rank: 3, why: `${plural(configured - serving, "backend")} of ${configured} without new flows` };
  if (health && !health.warmed_up) return { mark: "part", word: "Warming up", rank: 4, why: "not every backend is judged yet" };
  if (movingSlots(service) > 0) return { mark: "drain", word: "Moving", rank: 5, why: `${plural(movingSlots(service), "slot")} move` };
  return { mark: "ok", word: "Serving", rank: 9, why: "" };
}

/// What somebody ought to look at, the worst first: `{mark, text, link}`.
export function concernsOf(status) {
  const found = [];
  const say = (mark, text, link) => found.push({ mark, text, link });
  const agent = status.agent;
  if (agent?.fault) say("bad", `Nothing is forwarded: ${agent.fault}`);
  for (const { name, attached } of status.interfaces) if (!attached) say("bad", `Not attached to ${name}`);
  for (const service of status.services) {
    const { mark, word, rank, why } = stateOfService(service);
    if (rank <= 3) say(mark, `${service.name}: ${word.toLowerCase()}, ${why}`, linkTo(service.name));
  }
  for (const trouble of agent?.degraded ?? []) say("warn", `Degraded: ${trouble}`);
  if (agent && !agent.last_reload.ok)
    say("warn", `The last reload was refused: ${agent.last_reload.errors[0] ?? "no reason given"}`);
  if (status.bgp) concernsOfRoutes(status.bgp, say);
  return found.sort((a, b) => (a.mark === "bad" ? 0 : 1) - (b.mark === "bad" ? 0 : 1));
}

function concernsOfRoutes(bgp, say) {
  if (!bgp.running) say("bad", `ExaBGP does not run${bgp.last_error ? `: ${bgp.last_error}` : ""}`, "#/routes");
  for (const { address, state, last_error: error } of bgp.peers)
    if (state !== "established") say("bad", `Session with ${address} is ${state}${error ? `: ${error}` : ""}`, "#/routes");
  for (const { vip, announced, reason } of bgp.vips)
    if (!announced) say("warn", `${vip} is not announced${reason ? `: ${reason}` : ""}`, "#/routes");
}

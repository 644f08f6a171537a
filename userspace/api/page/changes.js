// SPDX-License-Identifier: Apache-2.0
//
// What has changed from one status to the next, as sentences. Pure.
import { nameOf, plural, reasonOf, stateOf } from "./text.js";

const KEPT = 200;

/// The newest first. Whoever has a better source than comparing, such as a stream of events, calls add() with what it
/// tells instead.
export class Changes {
  list = [];
  #last = 0;

  add(changes, at = new Date()) {
    const stamped = changes.map((change) => ({ ...change, at, id: ++this.#last }));
    this.list = [...stamped.reverse(), ...this.list].slice(0, KEPT);
  }
}

/// `{mark, text, service}`, the last if it is about one.
export function changesBetween(before, after) {
  if (!before) return [];
  return [
    ...ofAgent(before, after),
    ...ofServices(before.services, after.services),
    ...ofRoutes(before.bgp, after.bgp),
  ];
}

function ofAgent(before, after) {
  const [was, is] = [before.agent ?? {}, after.agent ?? {}];
  const found = [];
  const say = (mark, text) => found.push({ mark, text });
  if (was.process !== is.process) say("warn", `The agent was started again (version ${is.version})`);
  else if (is.reloads > was.reloads) say("ok", "A configuration was applied");
  if (is.process === was.process && is.refused_reloads > was.refused_reloads)
    say("bad", `A reload was refused: ${is.last_reload.errors[0] ?? "no reason given"}`);
  if (was.fault !== is.fault) say(is.fault ? "bad" : "ok", is.fault ? `Nothing is forwarded: ${is.fault}` : "Forwarding again");
  for (const trouble of without(is.degraded, was.degraded)) say("warn", `Degraded: ${trouble}`);
  for (const trouble of without(was.degraded, is.degraded)) say("ok", `No longer: ${trouble}`);
  const attached = new Map(before.interfaces.map(({ name, attached }) => [name, attached]));
  for (const { name, attached: now } of after.interfaces)
    if (attached.has(name) && attached.get(name) !== now)
      say(now ? "ok" : "bad", now ? `Attached to ${name}` : `Not attached to ${name} any more`);
  return found;
}

const without = (list = [], others = []) => list.filter((item) => !others.includes(item));

function ofServices(before, after) {
  const was = new Map(before.map((service) => [service.name, service]));
  const found = [];
  for (const service of after) {
    const former = was.get(service.name);
    was.delete(service.name);
    const changes = former ? ofService(former, service) : [{ mark: "ok", text: `Service ${service.name} was added` }];
    found.push(...changes.map((change) => ({ ...change, service: service.name })));
  }
  for (const name of was.keys()) found.push({ mark: "warn", text: `Service ${name} was removed` });
  return found;
}

function ofService(was, is) {
  const found = [];
  const say = (mark, text) => found.push({ mark, text: `${is.name}: ${text}` });
  if (was.fault !== is.fault) say(is.fault ? "bad" : "ok", is.fault ? `not forwarded: ${is.fault}` : "forwarded again");
  if (!was.health?.panic && is.health?.panic) say("bad", "so many backends are down that all serve");
  if (was.health?.panic && is.health && !is.health.panic) say("ok", "enough backends are up again");
  if (was.backends && is.backends) {
    found.push(...ofBackends(was, is));
  } else if (was.backend_counts.serving !== is.backend_counts.serving) {
    const { serving, configured } = is.backend_counts;
    say(serving < was.backend_counts.serving ? "bad" : "ok", `${serving} of ${plural(configured, "backend")} serve`);
  }
  const [moved, moving] = [movingSlots(was), movingSlots(is)];
  if (moved === 0 && moving > 0) say("drain", `${plural(moving, "slot")} began to move`);
  if (moved > 0 && moving === 0) say("ok", "all slots are settled");
  return found;
}

export const movingSlots = (service) => service.slots_by_state.learning + service.slots_by_state.tracking;

function ofBackends(was, is) {
  const former = new Map([...was.backends, ...(was.leaving ?? [])].map((backend) => [backend.address, backend]));
  const found = [];
  const say = (mark, text) => found.push({ mark, text: `${is.name}: ${text}` });
  for (const backend of [...is.backends, ...(is.leaving ?? [])]) {
    const before = former.get(backend.address);
    former.delete(backend.address);
    const { word, mark } = stateOf(backend);
    const why = reasonOf(backend);
    if (!before) say("ok", `${nameOf(backend)} was added`);
    else if (before.state !== backend.state)
      say(mark, `${nameOf(backend)} is ${word.toLowerCase()}${why && backend.state !== "up" ? ` (${why})` : ""}`);
    else if (!before.health?.untried && backend.health?.untried) say("warn", `${nameOf(backend)} cannot be tried from here`);
  }
  for (const backend of former.values()) say("warn", `${nameOf(backend)} is gone`);
  return found;
}

function ofRoutes(was, is) {
  if (!was || !is) return [];
  const found = [];
  const sessions = new Map(was.peers.map((peer) => [peer.address, peer.state]));
  for (const { address, state, last_error: error } of is.peers)
    if (sessions.has(address) && sessions.get(address) !== state)
      found.push({
        mark: state === "established" ? "ok" : "bad",
        text: `Session with ${address} is ${state}${error && state !== "established" ? ` (${error})` : ""}`,
      });
  const announced = new Map(was.vips.map(({ vip, announced: yes }) => [vip, yes]));
  for (const { vip, announced: yes, reason } of is.vips)
    if (announced.has(vip) && announced.get(vip) !== yes)
      found.push({
        mark: yes ? "ok" : "warn",
        text: yes ? `${vip} is announced` : `${vip} is withdrawn${reason ? `: ${reason}` : ""}`,
      });
  return found;
}

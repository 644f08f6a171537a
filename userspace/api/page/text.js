// SPDX-License-Identifier: Apache-2.0
//
// Numbers, times and states as words. Pure.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
/// web-2 before web-10. Made once: localeCompare() with options makes one at each call.
export const byName = new Intl.Collator("en", { numeric: true }).compare;
const UNITS = ["", "k", "M", "G", "T"];

export const count = (n) => whole.format(n);

export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/// 0, 0.5, 12, 3.4k: three digits at most. Nothing is known yet: a dash.
export function short(n) {
  if (n === null || n === undefined) return "–";
  let unit = 0;
  for (; n >= 999.5 && unit < UNITS.length - 1; ++unit) n /= 1000;
  const digits = n === 0 || n >= 99.95 ? 0 : n >= 9.95 && unit === 0 ? 0 : 1;
  const text = n.toFixed(digits) + UNITS[unit];
  return text.replace(/\.0$/, "");
}

export const bits = (bytesPerSecond) =>
  bytesPerSecond === null ? "–" : `${short(bytesPerSecond * 8)}bit/s`.replace(/^([\d.]+)/, "$1 ");

export const bytes = (n) => `${short(n)}B`.replace(/^([\d.]+)/, "$1 ");

export const percent = (share) => `${(share * 100).toFixed(share >= 0.9995 || share === 0 ? 0 : 1)} %`;

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/// Both are the balancer's times: its clock may not be the reader's.
export const since = (time, now) => (time ? duration((Date.parse(now) - Date.parse(time)) / 1000) : "–");

export const milliseconds = (seconds) =>
  seconds < 0.01 ? `${(seconds * 1000).toFixed(1)} ms` : `${count(seconds * 1000)} ms`;

export const clock = (date) => date.toLocaleTimeString("en-GB");

export const STATES = {
  up: { word: "Up", mark: "ok" },
  slow_start: { word: "Slow start", mark: "part" },
  drain: { word: "Draining", mark: "drain" },
  down: { word: "Down", mark: "bad" },
  leaving: { word: "Leaving", mark: "drain" },
};

export const stateOf = (backend) => STATES[backend.state] ?? { word: String(backend.state), mark: "warn" };

export const linkTo = (service, address) =>
  ["#/service", service, address].filter(Boolean).map((part, i) => (i ? encodeURIComponent(part).replaceAll("%3A", ":") : part)).join("/");

export const nameOf = (backend) => backend.name ?? backend.address;

/// What there is to say about a backend beside its state.
export function reasonOf(backend) {
  const said = [];
  if (backend.by_hand) said.push("by hand");
  if (backend.trouble) said.push(`no next hop: ${backend.trouble}`);
  const health = backend.health;
  if (health?.untried) said.push("not tried: the cause is this host");
  if (health?.reason) said.push(health.reason);
  if (health && health.diagnosis !== "none") said.push(health.diagnosis.replaceAll("_", " "));
  if (health && !health.judged) said.push("not judged yet");
  return [...new Set(said)].join("; ");
}

// SPDX-License-Identifier: Apache-2.0
//
// The status page of a balancer. It only looks: everything is asked for by GET, and http: has nothing else.
import { Mark } from "./charts.js";
import { Changes, changesBetween } from "./changes.js";
import { Events } from "./events.js";
import { html, render } from "./html.js";
import { ChangesView, Routes, Services, Verdicts } from "./lists.js";
import { Overview } from "./overview.js";
import { Picture } from "./picture.js";
import { fetchJson, Polling } from "./polling.js";
import { Service } from "./service.js";
import { duration, linkTo } from "./text.js";

/// A fleet of up to so many backends is asked for whole, a larger one without the backends of services that are closed.
const WHOLE_UP_TO = 300;
/// Seconds after which an answer that is waited for is worth a word.
const SLOW = 4;
/// Milliseconds for the whole status of a large fleet.
const PATIENCE_FOR_ALL = 120000;

const picture = new Picture();
const changes = new Changes();
const events = new Events(() => route.view === "changes" && update());
let route = readRoute();
let trouble = null; // why there is no newer status
let searching = false;
let found = null; // services with all backends, of a search for these

const polling = new Polling({ where, answered, failed });

function where() {
  const services = picture.status?.services;
  const backends = services?.reduce((sum, { backend_counts: counts }) => sum + counts.configured + counts.leaving, 0);
  if (services && backends <= WHOLE_UP_TO) return "status.json";
  return route.view === "service" ? `page/status/${encodeURIComponent(route.name)}` : "page/status";
}

function answered(status, moment) {
  const first = picture.status === null;
  if (trouble) say("The agent answers again");
  const seen = changesBetween(picture.status, status.opened ? merged(status) : status);
  update(() => {
    picture.take(status, moment);
    changes.add(seen);
    trouble = null;
  });
  const worst = seen.find(({ mark }) => mark === "bad") ?? seen[0];
  if (worst) say(worst.text + (seen.length > 1 ? `, and ${seen.length - 1} more` : ""));
  if (first && where() !== "page/status") polling.now();
}

function failed(why) {
  if (!trouble) say(`No status any more: ${why}`);
  update(() => (trouble = why));
}

/// With the backends of the service that is open.
function merged(status) {
  const services = status.services.map((service) =>
    service.name === status.opened.name
      ? { ...service, backends: status.opened.backends, leaving: status.opened.leaving }
      : service,
  );
  return { ...status, services };
}

const whoIsIt = ({ name, address, state }) => ({ name, address, state });

async function findAll() {
  update(() => (searching = true));
  try {
    const { services } = await fetchJson("status.json", PATIENCE_FOR_ALL);
    found = services.map(({ name, backends }) => ({ name, backends: backends.map(whoIsIt) }));
  } catch (error) {
    say(`The search failed: ${error.message}`);
  }
  update(() => (searching = false));
}

/// For those who listen.
function say(text) {
  document.getElementById("said").textContent = text;
}

/// `#/service/web/10.0.0.1?q=text`
function readRoute() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/").map(decode);
  return { view: view || "overview", name: rest[0] ?? "", address: rest[1] ?? "", query: new URLSearchParams(search).get("q") ?? "" };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/// What is typed while a service is open looks among its backends, elsewhere among services.
function search(event) {
  const text = event.target.value;
  const base = route.view === "service" ? linkTo(route.name) : "#/services";
  history.replaceState(null, "", text ? `${base}?q=${encodeURIComponent(text)}` : base);
  update(() => (route = readRoute()));
}

addEventListener("hashchange", () => {
  if (location.hash === "#main") return;
  const before = route;
  update(() => (route = readRoute()));
  if (route.view !== "changes") events.close();
  if (route.view !== before.view || route.name !== before.name) {
    scrollTo(0, 0);
    document.querySelector("h1")?.focus({ preventScroll: true });
    if (route.view === "service" && !picture.service(route.name)?.backends) polling.now();
  }
});

addEventListener("keydown", (event) => {
  const field = document.getElementById("search");
  if (event.key === "/" && !/^(input|select|textarea)$/i.test(event.target.tagName) && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    field.focus();
  }
});

function update(change) {
  change?.();
  const host = picture.status?.agent?.host ?? location.host;
  document.title = `${route.view === "service" ? `${route.name} on ` : ""}${host} – Guideway`;
  render(html`<${Page} host=${host} />`, document.getElementById("page"));
  showFreshness();
}

const VIEWS = [
  ["overview", "#/", "Overview"],
  ["services", "#/services", "Services"],
  ["verdicts", "#/verdicts", "Verdicts"],
  ["routes", "#/routes", "Routes"],
  ["changes", "#/changes", "Changes"],
];

function Page({ host }) {
  const here = route.view === "service" ? "services" : route.view;
  return html`<header class="top">
      <p class="brand"><a href="#/"><img src="page/icon.svg" alt="" width="24" height="24" />Guideway</a> <span class="host">${host}</span></p>
      <nav aria-label="Views">
        <ul>${VIEWS.map(([view, to, name]) => html`<li><a href=${to} aria-current=${view === here ? "page" : null}>${name}</a></li>`)}</ul>
      </nav>
      <search role="search">
        <label class="hidden" for="search">${route.view === "service" ? `Search backends of ${route.name}` : "Search services and backends"}</label>
        <input id="search" type="search" autocomplete="off" spellcheck=${false} placeholder="Search" value=${route.query} onInput=${search} aria-keyshortcuts="/" />
      </search>
      <div id="freshness"></div>
    </header>
    <main id="main" tabindex="-1" class=${trouble ? "stale" : ""}>${picture.status ? html`<${View} />` : html`<h1 tabindex="-1">${host}</h1><p class="empty">${trouble ? `There is no status: ${trouble}.` : "Asking for the status…"}</p>`}</main>
    <footer><p>Nothing can be changed from here. <a href="status.json">status.json</a> <a href="metrics">metrics</a></p></footer>`;
}

function View() {
  switch (route.view) {
    case "overview":
      return html`<${Overview} picture=${picture} changes=${changes} />`;
    case "services":
      return html`<${Services} picture=${picture} query=${route.query} found=${found} searching=${searching} onFindAll=${findAll} />`;
    case "service":
      return html`<${Service} key=${route.name} picture=${picture} changes=${changes} name=${route.name} address=${route.address} query=${route.query} />`;
    case "verdicts":
      return html`<${Verdicts} picture=${picture} />`;
    case "routes":
      return html`<${Routes} status=${picture.status} />`;
    case "changes":
      events.open();
      return html`<${ChangesView} changes=${changes} events=${events} />`;
    default:
      return html`<h1 tabindex="-1">No such view</h1><p class="empty"><a href="#/">To the overview</a></p>`;
  }
}

/// How old the picture is. Ticks by itself, and apart from what is large.
function showFreshness() {
  const place = document.getElementById("freshness");
  if (!place) return;
  const age = (performance.now() - picture.at) / 1000;
  const waits = polling.askedAt === null ? 0 : (performance.now() - polling.askedAt) / 1000;
  const slow = waits > SLOW;
  const words = !picture.status
    ? `Waiting for the first status for ${duration(waits)}`
    : trouble
      ? `Stale: ${trouble}. What you see is ${duration(age)} old; asked again from time to time.`
      : slow
        ? `Waiting for an answer for ${duration(waits)}. What you see is ${duration(age)} old.`
        : `Live, ${age < 1.5 ? "just now" : `${duration(age)} ago`}`;
  const kind = trouble ? "bad" : slow ? "warn" : "ok";
  render(html`<p class=${`freshness ${kind}`}><${Mark} kind=${kind} />${words}</p>`, place);
}

setInterval(showFreshness, 1000);
update();
polling.now();

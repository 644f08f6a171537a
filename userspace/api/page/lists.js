// SPDX-License-Identifier: Apache-2.0
//
// The lists: services, verdicts, routes, changes. A long one shows its beginning, and more when it is asked for.
import { Bar, Mark, Sparkline, Stack, State } from "./charts.js";
import { movingSlots } from "./changes.js";
import { Component, html } from "./html.js";
import { stateOfService } from "./picture.js";
import { byName, clock, count, linkTo, nameOf, percent, plural, short, since, stateOf } from "./text.js";

export const SHOWN_AT_FIRST = 50;
const MORE = 200;

/// `items`, of which so many are rendered as were asked for.
export class Long extends Component {
  state = { shown: SHOWN_AT_FIRST };

  render({ items, children, what }, { shown }) {
    const more = () => this.setState({ shown: shown + MORE });
    return html`${children(items.slice(0, shown))}
    ${items.length > shown &&
    html`<p class="more">
      <button type="button" onClick=${more}>Show ${count(Math.min(MORE, items.length - shown))} more</button>
      <span class="quiet">${count(shown)} of ${count(items.length)} ${what}</span>
    </p>`}`;
  }
}

/// What may be wider than the screen. Only then it is a stop of the Tab key, for those who scroll by arrows.
export class Scroll extends Component {
  state = { wide: false };

  componentDidMount() {
    this.look();
    addEventListener("resize", this.look);
  }
  componentDidUpdate() {
    this.look();
  }
  componentWillUnmount() {
    removeEventListener("resize", this.look);
  }

  hold = (box) => {
    this.box = box;
  };
  look = () => {
    const wide = this.box.scrollWidth > this.box.clientWidth;
    if (wide !== this.state.wide) this.setState({ wide });
  };

  render({ children }, { wide }) {
    const stop = wide ? { tabindex: 0, role: "group", "aria-label": "A table that is wider than the screen" } : {};
    return html`<div class="scroll" ref=${this.hold} ...${stop}>${children}</div>`;
  }
}

/// Those that need somebody first, then by name.
export const worstFirst = (services) =>
  services
    .map((service) => ({ service, ...stateOfService(service) }))
    .sort((a, b) => a.rank - b.rank || byName(a.service.name, b.service.name));

export const ServiceTable = ({ services, picture, label }) => html`<${Long} items=${services} what="services"
  >${(shown) => html`<${Scroll}>
    <table class="services">
      <caption class="hidden">${label}</caption>
      <thead>
        <tr>
          <th scope="col">Service</th>
          <th scope="col">State</th>
          <th scope="col">Serving</th>
          <th scope="col" class="roomy">Shares of new flows</th>
          <th scope="col" class="number roomy">Slots moving</th>
          <th scope="col" class="number">Packets/s</th>
          <th scope="col" class="trend roomy"><span class="hidden">Packets a second, lately</span></th>
        </tr>
      </thead>
      <tbody>${shown.map((row) => html`<${ServiceRow} key=${row.service.name} ...${row} picture=${picture} />`)}</tbody>
    </table>
  <//>`}<//>`;

function ServiceRow({ service, mark, word, why, picture }) {
  const { configured, serving } = service.backend_counts;
  const rate = picture.services.get(service.name);
  return html`<tr>
    <th scope="row">
      <a href=${linkTo(service.name)}>${service.name}</a>
      <span class="under">${service.listeners.slice(0, 2).join(", ")}${service.listeners.length > 2 && ` and ${service.listeners.length - 2} more`}</span>
    </th>
    <td><${State} mark=${mark} word=${word} />${why && html`<span class="under roomy">${why}</span>`}</td>
    <td class="serving"><span class="figure">${count(serving)} of ${count(configured)}</span><${Bar} part=${configured && serving / configured} kind=${serving < configured ? "short" : ""} /></td>
    <td class="roomy shares"><${Shares} service=${service} /></td>
    <td class="number roomy">${movingSlots(service) === 0 ? html`<span class="quiet">none</span>` : count(movingSlots(service))}</td>
    <td class="number">${short(rate?.last)}</td>
    <td class="roomy">${rate && html`<${Sparkline} series=${rate} />`}</td>
  </tr>`;
}

/// Of up to forty backends; of more a bar says nothing.
function Shares({ service }) {
  if (!service.backends) return html`<a class="quiet" href=${linkTo(service.name)}>open to see</a>`;
  const sharing = service.backends.filter(({ slots }) => slots > 0);
  if (sharing.length > 40) return html`<span class="quiet">${plural(sharing.length, "share")}</span>`;
  const shares = sharing.map(({ share }) => share);
  return html`<${Stack} parts=${shares.map((part) => ({ part, kind: "" }))} />
    <span class="under">${sharing.length === 0 ? "none" : sharing.length === 1 ? "one backend has all" : between(percent(Math.min(...shares)), percent(Math.max(...shares)))}</span>`;
}

const between = (least, most) => (least === most ? `${least} each` : `${least} to ${most}`);

const includes = (text, query) => text !== null && text.toLowerCase().includes(query);

/// `found`: what else was found in services whose backends the page does not hold.
export function Services({ picture, query, found, searching, onFindAll }) {
  const wanted = query.trim().toLowerCase();
  const services = picture.status.services;
  const matching = services.filter(
    ({ name, listeners, digest }) => includes(name, wanted) || listeners.some((l) => includes(l, wanted)) || (wanted && digest === wanted),
  );
  const backends = wanted ? backendsMatching(found ?? services, wanted) : [];
  const unknown = services.some(({ backends: known }) => !known) && !found;
  return html`<h1 tabindex="-1">Services</h1>
    <p class="lead" role="status">
      ${wanted
        ? `${plural(matching.length, "service")}${unknown && backends.length === 0 ? "" : ` and ${plural(backends.length, "backend")}`} found for “${query.trim()}”`
        : `${plural(services.length, "service")}, those that need attention first`}
    </p>
    ${wanted && unknown && html`<p class="note">
      Backends are only known here of services that are open.${" "}
      ${searching
        ? html`Asking for all backends…`
        : html`<button type="button" onClick=${onFindAll}>Search all backends</button> fetches the whole status once.`}
    </p>`}
    ${matching.length > 0 && html`<${ServiceTable} services=${worstFirst(matching)} picture=${picture} label="Services" />`}
    ${backends.length > 0 && html`<section aria-labelledby="found"><h2 id="found">Backends</h2><${FoundBackends} backends=${backends} /></section>`}
    ${matching.length + backends.length === 0 && html`<p class="empty">Nothing is called so. Names, addresses, listeners and digests are searched.</p>`}`;
}

const backendsMatching = (services, wanted) =>
  services.flatMap((service) =>
    [...(service.backends ?? []), ...(service.leaving ?? [])]
      .filter(({ name, address }) => includes(name, wanted) || includes(address, wanted))
      .map((backend) => ({ service: service.name, backend })),
  );

const FoundBackends = ({ backends }) => html`<${Long} items=${backends} what="backends"
  >${(shown) => html`<${Scroll}><table>
    <caption class="hidden">Backends found</caption>
    <thead><tr><th scope="col">Backend</th><th scope="col">Service</th><th scope="col">State</th></tr></thead>
    <tbody>
      ${shown.map(
        ({ service, backend }) => html`<tr key=${`${service} ${backend.address}`}>
          <th scope="row"><a href=${linkTo(service, backend.address)}>${nameOf(backend)}</a>
            ${backend.name && html`<span class="under">${backend.address}</span>`}</th>
          <td>${service}</td>
          <td><${State} ...${stateOf(backend)} /></td>
        </tr>`,
      )}
    </tbody>
  </table><//>`}<//>`;

const ACTIONS = { tx: "sent", redirect: "sent", pass: "passed", drop: "dropped" };

/// Those that occur first, the fastest on top.
const busiest = (picture) =>
  Object.entries(picture.status.verdicts)
    .map(([name, verdict]) => ({ name, ...verdict, rate: picture.verdicts.get(name) }))
    .sort((a, b) => (b.rate.last ?? 0) - (a.rate.last ?? 0) || b.packets - a.packets || byName(a.name, b.name));

export const VerdictTable = ({ picture, only }) => html`<${Scroll}><table class="verdicts">
  <caption class="hidden">Verdicts, and how many packets a second get each</caption>
  <thead>
    <tr>
      <th scope="col">Verdict</th>
      <th scope="col">Packet is</th>
      <th scope="col" class="trend"><span class="hidden">Packets a second, lately</span></th>
      <th scope="col" class="number">Packets/s</th>
      ${!only && html`<th scope="col" class="number">In all</th>`}
    </tr>
  </thead>
  <tbody>
    ${busiest(picture)
      .filter((verdict) => !only || verdict.packets > 0)
      .slice(0, only)
      .map(
        ({ name, action, packets, rate }) => html`<tr key=${name} class=${packets === 0 ? "never" : ""}>
          <th scope="row"><code>${name}</code></th>
          <td><${State} mark=${packets === 0 ? "off" : action === "drop" ? "warn" : "ok"} word=${ACTIONS[action] ?? action} /></td>
          <td><${Sparkline} series=${rate} /></td>
          <td class="number">${short(rate.last)}</td>
          ${!only && html`<td class="number">${count(packets)}</td>`}
        </tr>`,
      )}
  </tbody>
</table><//>`;

export const Verdicts = ({ picture }) => html`<h1 tabindex="-1">Verdicts</h1>
  <p class="lead">What became of each packet. <code>guideway explain NAME</code> says more about each.</p>
  <${VerdictTable} picture=${picture} />`;

export function Routes({ status }) {
  const bgp = status.bgp;
  if (!bgp)
    return html`<h1 tabindex="-1">Routes</h1><p class="empty">This balancer announces nothing: its configuration has no <code>bgp</code> section.</p>`;
  return html`<h1 tabindex="-1">Routes</h1>
    <p class="lead">
      <${State} mark=${bgp.running ? "ok" : "bad"} word=${bgp.running ? "ExaBGP runs" : "ExaBGP does not run"} />${" "}
      <span class="quiet">presence ${bgp.presence}, restarted ${plural(bgp.restarts, "time")}${bgp.last_error && `, last error: ${bgp.last_error}`}</span>
    </p>
    <section aria-labelledby="sessions"><h2 id="sessions">Sessions</h2><${Sessions} status=${status} /></section>
    <section aria-labelledby="vips"><h2 id="vips">VIPs</h2><${Vips} bgp=${bgp} /></section>`;
}

export const Sessions = ({ status }) => html`<${Scroll}><table>
  <caption class="hidden">BGP sessions</caption>
  <thead><tr><th scope="col">Router</th><th scope="col">State</th><th scope="col" class="number">Since</th><th scope="col" class="number">Routes taken</th></tr></thead>
  <tbody>
    ${status.bgp.peers.map(
      (peer) => html`<tr key=${peer.address}>
        <th scope="row">${peer.address}<span class="under">AS ${peer.as}</span></th>
        <td><${State} mark=${peer.state === "established" ? "ok" : "bad"} word=${peer.state} />
          ${peer.state !== "established" && peer.last_error && html`<span class="under">${peer.last_error}</span>`}</td>
        <td class="number">${since(peer.since, status.at)}</td>
        <td class="number">${count(peer.announced)} of ${count(peer.wanted)}</td>
      </tr>`,
    )}
  </tbody>
</table><//>`;

export const Vips = ({ bgp }) => html`<${Long} items=${bgp.vips} what="VIPs"
  >${(shown) => html`<${Scroll}><table>
    <caption class="hidden">VIPs, and whether they are announced</caption>
    <thead><tr><th scope="col">VIP</th><th scope="col">State</th></tr></thead>
    <tbody>
      ${shown.map(
        ({ vip, announced, reason, note }) => html`<tr key=${vip}>
          <th scope="row">${vip}</th>
          <td><${State} mark=${announced ? "ok" : "warn"} word=${announced ? "Announced" : "Withdrawn"} />
            ${(reason || note) && html`<span class="under">${reason || note}</span>`}</td>
        </tr>`,
      )}
    </tbody>
  </table><//>`}<//>`;

export function ChangeList({ changes, at_most: atMost }) {
  if (changes.length === 0) return html`<p class="empty">None yet.</p>`;
  return html`<ol class="changes" reversed>
    ${changes.slice(0, atMost).map(
      ({ id, mark, text, at, service }) => html`<li key=${id}>
        <time datetime=${at.toISOString()}>${clock(at)}</time><${Mark} kind=${mark} />
        <span>${service ? html`<a href=${linkTo(service)}>${text}</a>` : text}</span>
      </li>`,
    )}
  </ol>`;
}

export const HOW_CHANGES = "Seen since this page was opened, by comparing one status with the next.";

export const ChangesView = ({ changes, events }) => html`<h1 tabindex="-1">Changes</h1>
  <p class="lead">${HOW_CHANGES}</p>
  <${ChangeList} changes=${changes.list} />
  <h2>Events</h2>
  <p class="lead">What the balancer has taken down itself, live; its latest, before this page was opened and through restarts of the agent.</p>
  ${events.trouble ? html`<p class="empty">There are none to show: ${events.trouble}.</p>` : html`<${ChangeList} changes=${events.list} />`}`;

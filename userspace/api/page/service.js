// SPDX-License-Identifier: Apache-2.0
//
// One service: its backends with their states, its table, what changed.
import { Bar, History, Mark, shareText, Sparkline, Stack, State, TablePicture } from "./charts.js";
import { movingSlots } from "./changes.js";
import { Component, html } from "./html.js";
import { ChangeList, HOW_CHANGES, Long, Scroll, SHOWN_AT_FIRST } from "./lists.js";
import { all, stateOfService } from "./picture.js";
import { fetchJson } from "./polling.js";
import { byName, bytes, count, linkTo, milliseconds, nameOf, percent, plural, reasonOf, short, since, stateOf } from "./text.js";

export function Service({ picture, changes, name, address, query }) {
  const service = picture.service(name);
  if (!service)
    return html`<nav aria-label="Breadcrumb" class="crumbs"><a href="#/services">Services</a></nav>
      <h1 tabindex="-1">${name}</h1><p class="empty">There is no such service, or not any more.</p>`;
  const { mark, word, why } = stateOfService(service);
  const mine = changes.list.filter(({ service: its }) => its === name);
  return html`<nav aria-label="Breadcrumb" class="crumbs"><a href="#/services">Services</a></nav>
    <h1 tabindex="-1">${name}</h1>
    <p class="lead"><${State} mark=${mark} word=${word} />${why && html` <span class="quiet">${why}</span>`}</p>
    <${Facts} service=${service} rate=${picture.services.get(name)} />
    <section aria-labelledby="backends">
      <h2 id="backends">Backends</h2>
      ${service.backends
        ? html`<${Backends} picture=${picture} service=${service} address=${address} query=${query} />`
        : html`<p class="empty">Asking for them…</p>`}
    </section>
    <div class="columns">
      <section aria-labelledby="table">
        <h2 id="table">Table</h2>
        <${Slots} service=${service} />
        ${service.backends && html`<${OwnerMap} key=${name} service=${service} />`}
      </section>
      <section aria-labelledby="changes">
        <h2 id="changes">Changes</h2>
        <p class="quiet">${HOW_CHANGES}</p>
        <${ChangeList} changes=${mine} at_most=${20} />
      </section>
    </div>`;
}

const Facts = ({ service, rate }) => html`<dl class="facts wide">
  <dt>Listeners</dt><dd>${service.listeners.map((listener) => html`<span class="item">${listener}</span> `)}</dd>
  <dt>Traffic</dt><dd>${short(rate?.last)} packets/s, ${short(service.packets)} packets and ${bytes(service.bytes)} in all</dd>
  <dt>A flow is</dt><dd>${service.affinity === "client" ? "a client's address: all of its connections go to one backend" : "a connection"}</dd>
  <dt>Digest</dt><dd><code>${service.digest}</code><span class="under">${
    service.digest === service.base_digest ? "as with all backends in service" : html`with all backends in service: <code>${service.base_digest}</code>`
  }</span></dd>
</dl>`;

/// Those without their share first.
const rank = ({ state, health }) => ({ down: 0, drain: 2, leaving: 3, slow_start: 4 })[state] ?? (health?.untried ? 1 : 9);

function Backends({ picture, service, address, query }) {
  const wanted = query.trim().toLowerCase();
  const backends = all(service)
    .filter((b) => !wanted || b.address.includes(wanted) || (b.name ?? "").toLowerCase().includes(wanted))
    .sort((a, b) => rank(a) - rank(b) || byName(nameOf(a), nameOf(b)));
  const open = backends.findIndex((b) => b.address === address);
  if (open >= SHOWN_AT_FIRST) backends.unshift(...backends.splice(open, 1));
  const most = Math.max(...backends.map(({ share }) => share), 0);
  if (backends.length === 0) return html`<p class="empty">${wanted ? "None is called so in this service." : "It has none."}</p>`;
  return html`<${Long} items=${backends} what="backends"
    >${(shown) => html`<${Scroll}><table class="backends">
      <caption class="hidden">Backends of ${service.name}</caption>
      <thead>
        <tr>
          <th scope="col">Backend</th>
          <th scope="col">State</th>
          <th scope="col">Share</th>
          <th scope="col" class="roomy">Health</th>
          <th scope="col" class="number roomy">Flow records</th>
          <th scope="col" class="number">Packets/s</th>
          <th scope="col" class="trend roomy"><span class="hidden">Packets a second, lately</span></th>
        </tr>
      </thead>
      <tbody>
        ${shown.map(
          (backend) => html`<${Backend} key=${backend.address} backend=${backend} service=${service} most=${most}
            known=${picture.backend(service, backend.address)} now=${picture.status.at} open=${backend.address === address} />`,
        )}
      </tbody>
    </table><//>`}<//>`;
}

function Backend({ backend, service, most, known, now, open }) {
  const why = reasonOf(backend);
  const health = backend.health;
  const name = nameOf(backend);
  const to = linkTo(service.name, open ? null : backend.address);
  return [
    html`<tr key="row" class=${open ? "open" : ""}>
      <th scope="row">
        <a href=${to} aria-expanded=${String(open)}>${name}</a>
        ${backend.name && html`<span class="under">${backend.address}</span>`}
      </th>
      <td><${State} ...${stateOf(backend)} />${why && html`<span class="under">${why}</span>`}</td>
      <td class="share"><span class="figure">${percent(backend.share)}</span><${Bar} part=${most && backend.share / most} /></td>
      <td class="roomy">${health ? html`${health.state === "up" ? milliseconds(health.latency_seconds) : "–"}<span class="under">${health.state} for ${since(health.since, now)}</span>` : html`<span class="quiet">not probed</span>`}</td>
      <td class="number roomy">${count(backend.flows)}</td>
      <td class="number">${short(known?.rate.last)}</td>
      <td class="roomy">${known && html`<${Sparkline} series=${known.rate} />`}</td>
    </tr>`,
    open && html`<tr key="more" class="details"><td colspan="7"><${Details} backend=${backend} known=${known} now=${now} /></td></tr>`,
  ];
}

function Details({ backend, known, now }) {
  const health = backend.health;
  const hop = backend.next_hop;
  return html`<dl class="facts wide">
    <dt>Seen here</dt><dd>${known && html`<${History} states=${known.states.values} />`}</dd>
    <dt>Share</dt><dd>${shareText(backend)}, weight ${count(backend.weight)}${backend.availability < 1 && `, ${percent(backend.availability)} available`}</dd>
    <dt>Next hop</dt><dd>${hop ? `${hop.mac} by ${hop.interface}, from ${hop.source}` : (backend.trouble ?? "not known")}</dd>
    <dt>Traffic</dt><dd>${short(backend.packets)} packets, ${bytes(backend.bytes)}, ${short(backend.new_flows)} new flows in all</dd>
    ${backend.learning_slots > 0 && html`<dt>Draining</dt><dd>its flows are still followed in ${plural(backend.learning_slots, "slot")} of others</dd>`}
    ${!backend.alive && html`<dt>Its flows</dt><dd>are given up</dd>`}
    ${health && html`<dt>Probes</dt><dd>${count(health.probes)}, of which ${count(health.failures)} failed; the last ${since(health.probed_at, now)} ago</dd>
      <dt>Latency</dt><dd class="beside">${health.state === "up" ? milliseconds(health.latency_seconds) : "–"}${known && html`<${Sparkline} series=${known.latency} />`}</dd>
      <dt>${health.state === "up" ? "Up" : "Down"} for</dt><dd>${since(health.since, now)}${health.held_until ? `, held until ${health.held_until}` : ""}</dd>
      ${health.reason && html`<dt>Reason</dt><dd>${health.reason}</dd>`}`}
  </dl>`;
}

function Slots({ service }) {
  const { settled, learning, tracking, naming = 0 } = service.slots_by_state;
  const size = service.table_size || 1;
  const moving = movingSlots(service);
  return html`<p>${moving === 0 ? `All ${count(service.table_size)} slots are settled.` : `${count(moving)} of ${count(service.table_size)} slots are moving.`}</p>
    <${Stack} parts=${[
      { part: settled / size, kind: "settled" },
      { part: learning / size, kind: "learning" },
      { part: tracking / size, kind: "tracking" },
      { part: naming / size, kind: "tracking" },
    ]} />
    <dl class="legend">
      <div><dt><i class="settled" />Settled</dt><dd>${count(settled)}</dd></div>
      <div><dt><i class="learning" />Learning</dt><dd>${count(learning)}<span class="under">flows of the former owner are being learnt</span></dd></div>
      <div><dt><i class="tracking" />Tracking</dt><dd>${count(tracking)}<span class="under">new flows are recorded</span></dd></div>
      ${naming > 0 && html`<div><dt><i class="tracking" />Naming</dt><dd>${count(naming)}<span class="under">packets name former owners</span></dd></div>`}
    </dl>`;
}

/// The table is asked for again when the service's digest or moving slots have changed, every few seconds at most.
const SELDOM = 5000;

class OwnerMap extends Component {
  state = { table: null, chosen: null, trouble: null };
  #drawn = null;
  #asked = 0;

  componentDidMount() {
    this.catchUp();
  }
  componentDidUpdate() {
    this.catchUp();
  }

  async catchUp() {
    const { service } = this.props;
    const wanted = JSON.stringify([service.digest, service.slots_by_state]);
    if (wanted === this.#drawn || performance.now() - this.#asked < SELDOM) return;
    this.#asked = performance.now() || 1;
    this.#drawn = wanted;
    try {
      this.setState({ table: await fetchJson(`page/table/${encodeURIComponent(service.name)}`), trouble: null });
    } catch (error) {
      this.#drawn = null;
      this.setState({ trouble: error.message });
    }
  }

  render({ service }, { table, chosen, trouble }) {
    if (!table) return html`<p class="empty">${trouble ? `The table could not be read: ${trouble}` : "Reading the table…"}</p>`;
    const backends = all(service).sort((a, b) => a.number - b.number);
    const one = backends.find(({ number }) => number === chosen);
    const part = table.step > 1 ? `Every ${count(table.step)}th slot` : "Each point is a slot";
    const choose = (event) => this.setState({ chosen: event.target.value === "" ? null : Number(event.target.value) });
    return html`<figure class="owners">
      <${TablePicture} table=${table} chosen=${one ? chosen : null} numbers=${backends.map(({ number }) => number)}
        label=${`Map of the table: ${one ? `${nameOf(one)} owns ${shareText(one)}` : `${plural(backends.length, "backend")} own its slots`}`} />
      <figcaption>
        <label>Highlight <select onChange=${choose}>
          <option value="">all owners, by tint</option>
          ${backends.map((backend) => html`<option key=${backend.number} value=${backend.number} selected=${backend.number === chosen}>${nameOf(backend)}</option>`)}
        </select></label>
        <span class="under">${part}, row by row.${one && ` ${nameOf(one)}: ${shareText(one)}.`}${table.moving.length > 0 && html` <i class="key" /> ${count(table.moving.length)} moving.`}</span>
      </figcaption>
    </figure>`;
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// The first view: is it well, how much does it carry, and where to look next.
import { Mark, Sparkline, State } from "./charts.js";
import { Component, html } from "./html.js";
import { ChangeList, HOW_CHANGES, ServiceTable, Sessions, VerdictTable, worstFirst } from "./lists.js";
import { movingSlots } from "./changes.js";
import { concernsOf } from "./picture.js";
import { bits, count, percent, plural, short, since } from "./text.js";

const SERVICES_SHOWN = 12;

export const Overview = ({ picture, changes }) => {
  const { status } = picture;
  const services = worstFirst(status.services);
  return html`<${Verdict} status=${status} />
    <${Figures} picture=${picture} />
    <section aria-labelledby="services">
      <h2 id="services">Services</h2>
      <${ServiceTable} services=${services.slice(0, SERVICES_SHOWN)} picture=${picture} label="Services that need attention first" />
      ${services.length > SERVICES_SHOWN && html`<p class="more"><a href="#/services">All ${plural(services.length, "service")}</a></p>`}
    </section>
    <div class="columns">
      <section aria-labelledby="verdicts">
        <h2 id="verdicts">Verdicts</h2>
        <${VerdictTable} picture=${picture} only=${8} />
        <p class="more"><a href="#/verdicts">All verdicts</a></p>
      </section>
      <section aria-labelledby="changes">
        <h2 id="changes">Changes</h2>
        <p class="quiet">${HOW_CHANGES}</p>
        <${ChangeList} changes=${changes.list} at_most=${8} />
        ${changes.list.length > 8 && html`<p class="more"><a href="#/changes">All ${plural(changes.list.length, "change")}</a></p>`}
      </section>
    </div>
    <div class="columns">
      <${Balancer} status=${status} />
      <section aria-labelledby="routes">
        <h2 id="routes">Routes</h2>
        ${status.bgp
          ? html`<${Sessions} status=${status} />
              <p class="more"><a href="#/routes">${plural(status.bgp.vips.length, "VIP")}, ${count(status.bgp.vips.filter(({ announced }) => announced).length)} announced</a></p>`
          : html`<p class="empty">None are announced from here.</p>`}
      </section>
    </div>`;
};

class Verdict extends Component {
  state = { all: false };

  render({ status }, { all }) {
    const concerns = concernsOf(status);
    const bad = concerns.some(({ mark }) => mark === "bad");
    const forwards = !status.agent?.fault && status.interfaces.some(({ attached }) => attached);
    const words = !forwards ? "Not forwarding" : bad ? "Forwarding, with trouble" : concerns.length > 0 ? "Forwarding, with reservations" : "Forwarding";
    const shown = all ? concerns.slice(0, 100) : concerns.slice(0, 5);
    return html`<section class="verdict" aria-labelledby="verdict">
      <h1 id="verdict" tabindex="-1"><${Mark} kind=${!forwards || bad ? "bad" : concerns.length > 0 ? "warn" : "ok"} />${words}</h1>
      ${concerns.length === 0 && html`<p class="lead">Every service is served by all of its backends.</p>`}
      <ul class="concerns">
        ${shown.map(
          ({ mark, text, link }) => html`<li key=${text}><${Mark} kind=${mark} /><span>${link ? html`<a href=${link}>${text}</a>` : text}</span></li>`,
        )}
      </ul>
      ${concerns.length > 5 && html`<button type="button" aria-expanded=${String(all)} onClick=${() => this.setState({ all: !all })}>
        ${all ? "Show the first five" : `Show all ${count(concerns.length)}`}</button>`}
    </section>`;
  }
}

function Figures({ picture }) {
  const { status } = picture;
  const total = (key) => status.services.reduce((sum, { backend_counts: counts }) => sum + counts[key], 0);
  const moving = status.services.reduce((sum, service) => sum + movingSlots(service), 0);
  const { records, capacity } = status.flow_table;
  return html`<section aria-label="Figures" class="figures">
    <dl>
      <${Figure} name="Forwarded" value=${short(picture.packets.last)} unit="packets/s" series=${picture.packets} />
      <${Figure} name="Throughput" value=${bits(picture.bytes.last)} series=${picture.bytes} />
      <${Figure} name="Dropped" value=${short(picture.dropped.last)} unit="packets/s" series=${picture.dropped} />
      <${Figure} name="Backends serving" value=${count(total("serving"))} unit=${`of ${count(total("configured"))}`} note=${`in ${plural(status.services.length, "service")}`} />
      <${Figure} name="Slots moving" value=${count(moving)} note=${moving === 0 ? "all are settled" : "draining to new owners"} />
      <${Figure} name="Flow records" value=${short(records)} note=${`${percent(capacity && records / capacity)} of the room`} />
    </dl>
  </section>`;
}

const Figure = ({ name, value, unit, series, note }) => html`<div>
  <dt>${name}</dt>
  <dd><strong>${value}</strong>${unit && html` <span class="unit">${unit}</span>`}
    ${series ? html`<${Sparkline} series=${series} wide />` : html`<span class="under">${note}</span>`}</dd>
</div>`;

function Balancer({ status }) {
  const agent = status.agent;
  if (!agent) return null;
  const reload = agent.last_reload;
  return html`<section aria-labelledby="balancer">
    <h2 id="balancer">This balancer</h2>
    <dl class="facts">
      <dt>Host</dt><dd>${agent.host}</dd>
      <dt>Interfaces</dt><dd>${status.interfaces.map(
        ({ name, attached }) => html`<span class="item"><${State} mark=${attached ? "ok" : "bad"} word=${`${name} ${attached ? "attached" : "not attached"}`} /></span> `,
      )}</dd>
      <dt>Version</dt><dd>${agent.version}, runs for ${since(agent.started, status.at)}</dd>
      <dt>Configuration</dt><dd><code>${agent.config_file}</code></dd>
      <dt>Last reload</dt><dd><${State} mark=${reload.ok ? "ok" : "bad"} word=${reload.ok ? "applied" : "refused"} /> ${since(reload.at, status.at)} ago
        ${reload.errors.slice(0, 3).map((error) => html`<span class="under">${error}</span>`)}</dd>
      <dt>Fingerprint</dt><dd><code>${agent.fingerprint}</code><span class="under">the same on every balancer that places flows alike: <code>guideway compare</code></span></dd>
    </dl>
  </section>`;
}

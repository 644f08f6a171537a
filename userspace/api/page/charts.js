// SPDX-License-Identifier: Apache-2.0
//
// What is drawn. Each drawing repeats what text beside it says, or has a description of its own.
import { Component, html } from "./html.js";
import { count, percent } from "./text.js";

const SHAPES = {
  ok: html`<circle cx="6" cy="6" r="4.5" class="fill" />`,
  part: html`<circle cx="6" cy="6" r="4.5" class="line" /><path d="M6 1.5a4.5 4.5 0 0 1 0 9z" class="fill" />`,
  drain: html`<circle cx="6" cy="6" r="4.5" class="line" /><path d="M6 3.4v5M3.9 6.4 6 8.5l2.1-2.1" class="line" />`,
  warn: html`<path d="M6 1.2 11.2 10.6H.8z" class="fill" />`,
  off: html`<circle cx="6" cy="6" r="4.5" class="line" />`,
  bad: html`<path d="M2 2l8 8M10 2l-8 8" class="stroke" />`,
};

/// A state's shape; its word stands beside it.
export const Mark = ({ kind }) =>
  html`<svg class="mark ${kind}" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">${SHAPES[kind]}</svg>`;

export const State = ({ mark, word }) => html`<span class="state ${mark}"><${Mark} kind=${mark} />${word}</span>`;

const [WIDE, HIGH] = [120, 28];

/// The newest value is at the right, and the first ones have room to grow; where nothing is known, nothing is drawn.
export function Sparkline({ series, wide = false }) {
  const { values, highest } = series;
  const room = Math.max(values.length, 15);
  const top = highest || 1;
  const points = values.map((value, i) =>
    value === null
      ? null
      : [WIDE - ((values.length - 1 - i) * WIDE) / (room - 1), HIGH - 2 - (value / top) * (HIGH - 4)].map((x) => x.toFixed(1)),
  );
  const runs = points
    .reduce((all, point) => (point ? [...all.slice(0, -1), [...all.at(-1), point]] : [...all, []]), [[]])
    .filter((run) => run.length > 1);
  const path = (run) => run.map((point) => point.join(" ")).join("L");
  const line = runs.map((run) => `M${path(run)}`).join("");
  const area = runs.map((run) => `M${run[0][0]} ${HIGH}L${path(run)}L${run.at(-1)[0]} ${HIGH}z`).join("");
  return html`<svg class="spark ${wide ? "wide" : ""}" viewBox="0 0 ${WIDE} ${HIGH}" preserveAspectRatio="none" aria-hidden="true">
    <path d=${area} class="area" /><path d=${line} class="line" />
  </svg>`;
}

export const Bar = ({ part, kind = "" }) =>
  html`<span class="bar" aria-hidden="true"><i class=${kind} style=${{ width: `${Math.min(1, part) * 100}%` }} /></span>`;

/// `parts`: `{part, kind}`, which together are 1 at most.
export const Stack = ({ parts }) =>
  html`<span class="bar stack" aria-hidden="true"
    >${parts.filter(({ part }) => part > 0).map(({ part, kind }) => html`<i class=${kind} style=${{ width: `${part * 100}%` }} />`)}</span
  >`;

/// A backend's states, an answer a stripe; the word for each is in the list of changes.
export const History = ({ states }) =>
  html`<span class="history" role="img" aria-label=${describe(states)}
    >${states.map((state) => html`<i class=${state} />`)}</span
  >`;

function describe(states) {
  const runs = states.reduce(
    (all, state) => (all.at(-1)?.state === state ? ((all.at(-1).times += 1), all) : [...all, { state, times: 1 }]),
    [],
  );
  return `States in the last ${states.length} answers, the oldest first: ${runs
    .map(({ state, times }) => `${state.replace("_", " ")} ${times} times`)
    .join(", ")}`;
}

/// A table's slots, a point each, row by row. Backends differ by tint; the chosen one stands out, and what moves.
export class TablePicture extends Component {
  componentDidMount() {
    this.draw();
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", this.draw);
  }
  componentWillUnmount() {
    this.dark.removeEventListener("change", this.draw);
  }
  shouldComponentUpdate(next) {
    return next.table !== this.props.table || next.chosen !== this.props.chosen || next.label !== this.props.label;
  }
  componentDidUpdate() {
    this.draw();
  }

  hold = (canvas) => {
    this.canvas = canvas;
  };

  draw = () => {
    const { table, chosen, numbers } = this.props;
    const side = sideOf(table);
    const canvas = this.canvas;
    canvas.width = canvas.height = side;
    const brush = canvas.getContext("2d");
    const image = brush.createImageData(side, side);
    const colours = new Map();
    const style = getComputedStyle(canvas);
    const read = (name) => style.getPropertyValue(name).trim();
    const [paper, ink, moves] = [read("--tint-0"), read("--accent"), read("--moving")].map(rgb);
    const tint = (number) => {
      if (number === 0) return paper;
      if (chosen !== null) return number === chosen ? ink : mix(paper, ink, 0.12);
      const place = numbers.indexOf(number);
      return mix(paper, ink, numbers.length < 2 ? 0.5 : 0.16 + (0.84 * Math.max(0, place)) / (numbers.length - 1));
    };
    table.owners.forEach((owner, slot) => {
      if (!colours.has(owner)) colours.set(owner, tint(owner));
      image.data.set(colours.get(owner), slot * 4);
    });
    for (const slot of table.moving) image.data.set(moves, slot * 4);
    brush.putImageData(image, 0, 0);
  };

  render({ label }) {
    return html`<canvas ref=${this.hold} class="table-picture" role="img" aria-label=${label} />`;
  }
}

const sideOf = (table) => Math.max(1, Math.ceil(Math.sqrt(table.owners.length)));

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).concat(255);

const mix = (from, to, part) => from.map((value, i) => value + (to[i] - value) * part);

export const shareText = (backend) => `${percent(backend.share)}, ${count(backend.slots)} slots`;

// SPDX-License-Identifier: Apache-2.0
//
// html`<p>${text}</p>`: what it makes is a tree of elements and text nodes. Data never becomes markup.
import { Component, h, render } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export const html = htm.bind(h);
export { Component, render };

// SPDX-License-Identifier: Apache-2.0
//
// Asks for the status again and again: one request at a time, seldom if answers are slow, none while nobody looks.

const EVERY = 2000;
const SELDOM_AT_MOST = 30000;
const PATIENCE = 20000;
/// An answer that took long is asked for so many times less often.
const REST = 4;
const REST_AT_MOST = 10000;

export class Polling {
  /// `where()`: the address to ask now. `answered(status)`, `failed(why)`.
  constructor({ where, answered, failed }) {
    Object.assign(this, { where, answered, failed });
    this.failures = 0;
    this.askedAt = null; // while an answer is waited for
    this.hurried = false;
    document.addEventListener("visibilitychange", () => this.now());
  }

  /// As soon as the request that is under way has ended.
  now() {
    this.hurried = true;
    if (this.askedAt === null) this.ask();
  }

  async ask() {
    clearTimeout(this.timer);
    if (document.hidden) return;
    this.hurried = false;
    this.askedAt = performance.now();
    let rest = EVERY;
    try {
      const status = await fetchJson(this.where());
      const took = performance.now() - this.askedAt;
      this.failures = 0;
      rest = Math.max(EVERY - took, Math.min(REST * took, REST_AT_MOST));
      this.answered(status, performance.now());
    } catch (error) {
      rest = Math.min(EVERY * 2 ** this.failures++, SELDOM_AT_MOST);
      this.failed(error.message);
    }
    this.askedAt = null;
    this.timer = setTimeout(() => this.ask(), this.hurried && this.failures === 0 ? 0 : rest);
  }
}

/// Errors are sentences: what the balancer said, or that it said nothing.
export async function fetchJson(address, patience = PATIENCE) {
  let response;
  try {
    response = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(patience) });
  } catch (error) {
    throw new Error(
      error.name === "TimeoutError" ? `no answer within ${patience / 1000} s` : "the agent cannot be reached",
    );
  }
  if (!response.ok) throw new Error((await response.text()).trim().slice(0, 300) || `HTTP ${response.status}`);
  try {
    return await response.json();
  } catch {
    throw new Error("the answer was cut off, or took too long");
  }
}

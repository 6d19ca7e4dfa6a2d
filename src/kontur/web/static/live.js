// Interactive GrabCut: every box or stroke goes to the session at once; the fast answer is shown, the exact one replaces it.

import * as api from "./api.js";
import { startProgress } from "./notice.js";

/** The method whose marks the server answers one by one. */
export const LIVE = "grabcut";

export class Live {
  /**
   * onAnswer(STEP): the latest answer, fast or exact. onRefused(error, count): the mark number `count` was refused, and is
   * not part of the session.
   */
  constructor(onAnswer, onRefused) {
    Object.assign(this, { onAnswer, onRefused });
    this.begin(null);
  }

  /** Start afresh with the session of another image. */
  begin(session) {
    this.exact?.abort();
    this.asking?.abort();
    this.session = session;
    this.marksAt = [0]; // how many marks the server knows at each of its steps
    this.queue = Promise.resolve();
    this.serial = 0;
  }

  /** Send the mark number `count`. prompts: as PROMPTS of the contract, of that mark alone; all: of every mark. */
  add(prompts, all, count) {
    return this.#ask(count, async (signal) => {
      // Marks that were made for another method have not been sent yet.
      const missing = this.marksAt[this.marksAt.length - 1] !== count - 1;
      if (missing) await this.#forget();
      const step = await api.prompt(this.session, missing ? all : prompts, signal);
      this.marksAt.push(count);
      return step;
    });
  }

  /** Go back (or anywhere) to `count` marks, whose PROMPTS are `all`, null for none. */
  rewind(all, count) {
    return this.#ask(null, async (signal) => {
      const known = this.marksAt[this.marksAt.length - 1];
      if (known === count && known === 0) return { step: 0, labels_png: null };
      if (this.marksAt[this.marksAt.length - 2] === count) {
        const step = await api.undo(this.session);
        this.marksAt.pop();
        return step;
      }
      await this.#forget();
      if (!all) return { step: 0, labels_png: null };
      const step = await api.prompt(this.session, all, signal);
      this.marksAt.push(count);
      return step;
    });
  }

  async #forget() {
    await api.forgetPrompts(this.session);
    this.marksAt = [0];
  }

  /** One question after the other; an answer that a later question has overtaken is not shown. */
  #ask(count, question) {
    const serial = ++this.serial;
    const { session } = this;
    const current = () => serial === this.serial && session === this.session;
    const started = performance.now();
    this.exact?.abort();
    const answer = this.queue.then(async () => {
      if (session !== this.session) return;
      const controller = (this.asking = new AbortController());
      const progress = startProgress("running", LIVE, () => controller.abort());
      try {
        const step = await question(controller.signal);
        if (!current()) return;
        await this.onAnswer(step, performance.now() - started);
        if (step.step > 0 && !step.exact) this.#askExactly(step, started, current);
      } catch (error) {
        if (session !== this.session) return;
        if (error.name === "AbortError") this.marksAt = [-1]; // what the server made of it is not known: next time all is sent
        this.onRefused(error, count);
      } finally {
        progress.stop();
      }
    });
    this.queue = answer;
    return answer;
  }

  async #askExactly({ step }, started, current) {
    this.exact = new AbortController();
    try {
      const exact = await api.exactStep(this.session, step, this.exact.signal);
      if (current()) await this.onAnswer(exact, performance.now() - started);
    } catch (error) {
      // A later stroke makes the exact answer to this one pointless: 409 says so.
      if (current() && error.name !== "AbortError" && error.status !== 409) this.onRefused(error, null);
    }
  }
}
